from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.sample import write_ct_series, write_enhanced_ct
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.volumes.grid import grid_difference, grid_of

WHERE = {"dataset": "demo", "case": "C1"}
KERNEL = {"kernel": "LUNG", "manufacturer": "GE MEDICAL SYSTEMS"}


def _image() -> sitk.Image:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(4, 3, 5) * 13 - 1000)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-12.5, 30.0, -881.32))
    return image


def _edit(path: Path, change) -> None:
    file = pydicom.dcmread(path)
    change(file)
    file.save_as(path)


def _frames(file: pydicom.Dataset) -> list[pydicom.Dataset]:
    return list(file.PerFrameFunctionalGroupsSequence)


def _as_converted(file: pydicom.Dataset) -> None:
    """Turn the file into what a converter of single-frame files writes."""
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pydicom.uid.LegacyConvertedEnhancedCTImageStorage
    shared = file.SharedFunctionalGroupsSequence[0]
    kept = pydicom.Dataset()
    kept.ConvolutionKernel = "LUNG"
    kept.KVP = "120"
    shared.UnassignedSharedConvertedAttributesSequence = [kept]
    del shared.CTReconstructionSequence, shared.CTXRayDetailsSequence


@pytest.mark.parametrize("change", [lambda file: None, _as_converted], ids=["enhanced", "converted"])
def test_multi_frame_file_equals_the_same_volume_as_single_frames(tmp_path, change) -> None:
    image = _image()
    write_ct_series(tmp_path / "single", image, **KERNEL)
    written = write_enhanced_ct(tmp_path / "many" / "a.dcm", image, **KERNEL)
    _edit(written.files[0], change)
    single, many = (read_dicom_series(tmp_path / name, **WHERE) for name in ("single", "many"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(many.image), sitk.GetArrayFromImage(image))
    assert grid_difference(grid_of(single.image), grid_of(many.image)) is None
    assert (
        many.facts
        == single.facts
        == {
            "kernel": "LUNG",
            "manufacturer": "GE",
            "kvp": "120",
            "slice_thickness_mm": "2.5",
        }
    )


def test_each_frame_has_its_own_rescaling(tmp_path) -> None:
    def rescale(file: pydicom.Dataset) -> None:
        group = _frames(file)[1].PixelValueTransformationSequence[0]
        group.RescaleSlope, group.RescaleIntercept = "2", "-2000"

    path = write_enhanced_ct(tmp_path / "a.dcm", _image(), **KERNEL).files[0]
    _edit(path, rescale)
    expected = sitk.GetArrayFromImage(_image())
    expected[2] = (expected[2] + 1024) * 2 - 2000  # frame 1 is the last slice but one
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image), expected)


def test_compressed_frames_are_decoded(tmp_path) -> None:
    path = write_enhanced_ct(tmp_path / "a.dcm", _image(), **KERNEL).files[0]
    _edit(path, lambda file: file.compress(pydicom.uid.RLELossless))
    read = read_dicom_series(tmp_path, **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), sitk.GetArrayFromImage(_image()))


def test_a_series_may_lie_in_several_multi_frame_files(tmp_path) -> None:
    image = _image()
    first, second = image[:, :, :2], image[:, :, 2:]
    for name, part in (("a.dcm", first), ("b.dcm", second)):
        write_enhanced_ct(tmp_path / name, part, SeriesInstanceUID="1.2.3", FrameOfReferenceUID="1.2.4", **KERNEL)
    read = read_dicom_series(tmp_path, **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), sitk.GetArrayFromImage(image))


def test_frames_keep_their_file_and_lose_what_holds_for_the_whole_file(tmp_path) -> None:
    path = write_enhanced_ct(tmp_path / "a.dcm", _image(), **KERNEL).files[0]
    headers = read_headers([path], **WHERE)
    assert [(header.filename, header.frame) for header in headers] == [(str(path), frame) for frame in range(4)]
    assert all("NumberOfFrames" not in h and "PerFrameFunctionalGroupsSequence" not in h for h in headers)


def _second_stack(file: pydicom.Dataset) -> None:
    for frame in _frames(file)[2:]:
        frame.FrameContentSequence[0].StackID = "2"


def _points_in_time(file: pydicom.Dataset) -> None:
    for number, frame in enumerate(_frames(file), start=1):
        frame.FrameContentSequence[0].TemporalPositionIndex = number


def _without_positions(file: pydicom.Dataset) -> None:
    for frame in _frames(file):
        del frame.PlanePositionSequence


FAULTS = {
    "several stacks": (_second_stack, "2 stacks of 2, 2 frames; wanted 1 of the stacks"),
    "several points in time": (_points_in_time, "4 points in time of 1, 1, 1, 1 frames"),
    "frames without attributes": (
        lambda file: setattr(file, "NumberOfFrames", 5),
        "multi-frame file of 5 frames, with attributes for 4",
    ),
    "absurd number of frames": (lambda file: setattr(file, "NumberOfFrames", 2**31 - 1), "another number of frames"),
    "no positions": (_without_positions, "without ImagePositionPatient"),
    "cut off pixels": (lambda file: setattr(file, "PixelData", file.PixelData[:-8]), "22 bytes instead of 30"),
    "not enhanced": (
        lambda file: setattr(file, "SOPClassUID", pydicom.uid.CTImageStorage),
        "a multi-frame file that is no enhanced CT",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named(tmp_path, fault: str) -> None:
    change, message = FAULTS[fault]
    _edit(write_enhanced_ct(tmp_path / "a.dcm", _image(), **KERNEL).files[0], change)
    with pytest.raises(ConversionError, match=message):
        read_dicom_series(tmp_path, **WHERE)
