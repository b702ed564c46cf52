"""Segments of DICOM SEG objects: by hand, against their NRRD twins, and what is refused."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.annotations.dicom_seg import list_segments, read_segments
from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.errors import ConversionError

FRAME = "1.2.826.0.1.3680043.8.498.1"
WHERE = {"dataset": "demo", "case": "C1"}
KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


def _grid(depth: int = 4) -> sitk.Image:
    grid = sitk.Image(5, 3, depth, sitk.sitkInt16)  # 15 pixels a frame: frames of packed bits start inside a byte
    grid.SetSpacing((0.5, 1.25, 3.0))
    grid.SetOrigin((-40.0, 12.5, 300.0))
    return grid


def _mask(*voxels_zyx: tuple[int, int, int], value: float = 1) -> sitk.Image:
    array = np.zeros((4, 3, 5), np.float32)
    for voxel in voxels_zyx:
        array[voxel] = value
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(_grid())
    return mask


MASKS = {"Lung-Left": _mask((0, 0, 4), (1, 2, 0), (3, 1, 1)), "Lung-Right": _mask((1, 0, 0), (3, 2, 4))}


def _array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("kind", KINDS)
def test_segments_by_hand_whatever_the_frame_order(tmp_path: Path, kind: str) -> None:
    write_seg(tmp_path / "seg.dcm", MASKS, frame_of_reference=FRAME, kind=kind)
    assert list_segments(tmp_path / "seg.dcm", **WHERE) == ("Lung-Left", "Lung-Right")
    labels = read_segments(
        tmp_path / "seg.dcm", _grid(), segments={"Left Lung": 2, "#2": 1}, frame_of_reference=FRAME, **WHERE
    )
    expected = np.zeros((4, 3, 5), int)
    expected[0, 0, 4] = expected[1, 2, 0] = expected[3, 1, 1] = 2
    expected[1, 0, 0] = expected[3, 2, 4] = 1
    assert _array(labels).tolist() == expected.tolist()  # slice 2 has no frame
    assert labels.GetSpacing() == (0.5, 1.25, 3.0)
    assert labels.GetPixelID() == sitk.sitkUInt8


@pytest.mark.parametrize("flips", [(False, False, True), (True, False, False), (True, True, True)])
def test_image_stored_in_another_direction(tmp_path: Path, flips: tuple[bool, bool, bool]) -> None:
    write_seg(tmp_path / "seg.dcm", MASKS, frame_of_reference=FRAME)
    labels = read_segments(tmp_path / "seg.dcm", sitk.Flip(_grid(), flips), segments={"Lung-Left": 1}, **WHERE)
    assert _array(sitk.Flip(labels, flips)).tolist() == (_array(MASKS["Lung-Left"]) > 0).tolist()


def test_image_with_exchanged_axes_and_frames_on_a_part_of_it(tmp_path: Path) -> None:
    write_seg(tmp_path / "seg.dcm", MASKS, frame_of_reference=FRAME)
    larger = sitk.ConstantPad(_grid(), (1, 2, 3), (4, 0, 1))
    labels = read_segments(
        tmp_path / "seg.dcm", sitk.PermuteAxes(larger, (2, 0, 1)), segments={"Lung-Left": 1}, **WHERE
    )
    back = sitk.RegionOfInterest(sitk.PermuteAxes(labels, (1, 2, 0)), (5, 3, 4), (1, 2, 3))
    assert _array(back).tolist() == (_array(MASKS["Lung-Left"]) > 0).tolist()
    assert _array(labels).sum() == 3


def test_fraction_of_half_is_inside_and_less_is_not(tmp_path: Path) -> None:
    mask = _mask((1, 1, 1), value=0.5) + _mask((1, 1, 2), value=0.495) + _mask((1, 1, 3), value=1.0)
    write_seg(tmp_path / "seg.dcm", {"Liver": mask}, frame_of_reference=FRAME, kind="FRACTIONAL")
    labels = read_segments(tmp_path / "seg.dcm", _grid(), segments={"liver": 3}, **WHERE)
    assert _array(labels)[1, 1].tolist() == [0, 3, 0, 3, 0]


def test_overlap_is_refused_unless_the_order_decides(tmp_path: Path) -> None:
    masks = {"Lung": _mask((1, 1, 1), (1, 1, 2)), "Tumour": _mask((1, 1, 2), (1, 1, 3))}
    write_seg(tmp_path / "seg.dcm", masks, frame_of_reference=FRAME)
    with pytest.raises(ConversionError, match="1 voxels in several chosen segments"):
        read_segments(tmp_path / "seg.dcm", _grid(), segments={"Lung": 1, "Tumour": 2}, **WHERE)
    for segments, row in (({"Lung": 1, "Tumour": 2}, [0, 1, 2, 2, 0]), ({"Tumour": 2, "Lung": 1}, [0, 1, 1, 2, 0])):
        labels = read_segments(tmp_path / "seg.dcm", _grid(), segments=segments, priority=True, **WHERE)
        assert _array(labels)[1, 1].tolist() == row
    union = read_segments(tmp_path / "seg.dcm", _grid(), segments={"Lung": 1, "Tumour": 1}, **WHERE)
    assert _array(union)[1, 1].tolist() == [0, 1, 1, 1, 0]


def _position(file: pydicom.Dataset, mm: float) -> None:
    file.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient[2] += mm


FAULTS = {
    "between slices": (lambda f: _position(f, 1.0), "frame 1 off the image's voxels"),
    "beyond the stack": (lambda f: _position(f, 3.0), "a frame that reaches beyond the image"),
    "twice": (lambda f: _position(f, -6.0), "two frames of one segment at one place"),
    "no positions": (lambda f: delattr(f, "PerFrameFunctionalGroupsSequence"), "positions of 0 frames of 5"),
    "no orientation": (
        lambda f: delattr(f.SharedFunctionalGroupsSequence[0], "PlaneOrientationSequence"),
        "a frame without PlaneOrientationSequence",
    ),
    "truncated": (lambda f: setattr(f, "PixelData", f.PixelData[:-2]), "8 bytes of pixels; wanted 10 bytes"),
    "too wide": (lambda f: setattr(f, "Columns", 60000), "a frame that reaches beyond the image"),
    "type": (lambda f: setattr(f, "SegmentationType", "DOE^JOHN"), "another SegmentationType"),
    "numbers": (lambda f: setattr(f.SegmentSequence[1], "SegmentNumber", 1), "segments of one number"),
    "bits": (lambda f: setattr(f, "BitsAllocated", 32), "pixels of another form"),
    "modality": (lambda f: setattr(f, "Modality", "DOE"), "of modality another; wanted modality SEG"),
    "frame": (lambda f: setattr(f, "FrameOfReferenceUID", "1.2.3.987654"), "another frame of reference than"),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_without_quoting_the_file(tmp_path: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    path = tmp_path / "DOE_JOHN.dcm"
    write_seg(path, MASKS, frame_of_reference=FRAME)
    file = pydicom.dcmread(path)
    change(file)
    file.save_as(path)
    with pytest.raises(ConversionError, match=r"^demo: C1: found .*; wanted .*; ") as caught:
        read_segments(path, _grid(), segments={"Lung-Left": 1}, frame_of_reference=FRAME, **WHERE)
    assert caught.match(message)
    assert "DOE" not in str(caught.value)
    assert "987654" not in str(caught.value)


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ({"Heart": 1}, "no segment for Heart among Lung-Left, Lung-Right"),
        ({"#3": 1}, "no segment for #3"),
        ({"Lung-Left": 1, "#1": 2}, "wanted 1 segment #1 of its own"),
    ],
)
def test_segment_that_is_not_there(tmp_path: Path, segments: dict[str, int], message: str) -> None:
    write_seg(tmp_path / "seg.dcm", MASKS, frame_of_reference=FRAME)
    with pytest.raises(ConversionError, match=message):
        read_segments(tmp_path / "seg.dcm", _grid(), segments=segments, **WHERE)


def test_description_counts_where_no_label_fits(tmp_path: Path) -> None:
    write_seg(tmp_path / "seg.dcm", {"S1": MASKS["Lung-Left"], "S2": MASKS["Lung-Right"]}, frame_of_reference=FRAME)
    file = pydicom.dcmread(tmp_path / "seg.dcm")
    file.SegmentSequence[0].SegmentDescription, file.SegmentSequence[1].SegmentDescription = "Lung Left", "Heart"
    file.save_as(tmp_path / "seg.dcm")
    labels = read_segments(tmp_path / "seg.dcm", _grid(), segments={"Lung_L": 1}, **WHERE)
    assert _array(labels).sum() == 3


def test_compressed_frames(tmp_path: Path) -> None:
    write_seg(tmp_path / "seg.dcm", MASKS, frame_of_reference=FRAME, kind="LABELMAP")
    expected = read_segments(tmp_path / "seg.dcm", _grid(), segments={"Lung-Left": 1, "Lung-Right": 2}, **WHERE)
    file = pydicom.dcmread(tmp_path / "seg.dcm")
    file.compress(pydicom.uid.RLELossless)
    file.save_as(tmp_path / "rle.dcm")
    labels = read_segments(tmp_path / "rle.dcm", _grid(), segments={"Lung-Left": 1, "Lung-Right": 2}, **WHERE)
    assert _array(labels).tolist() == _array(expected).tolist()


TWINS = {
    "liver_seg.nrrd": ("liver.dcm", {"Liver": 1}),
    "partial_overlaps-1.nrrd": ("partial_overlaps.dcm", {"GREEN": 1, "light blue": 4, "#5": 5}),
    "partial_overlaps-2.nrrd": ("partial_overlaps.dcm", {"ORANGE": 2}),
    "partial_overlaps-3.nrrd": ("partial_overlaps.dcm", {"#3": 3}),
    "sparse_labelmap_noppv_seg.nrrd": ("sparse-labelmap-noppv.dcm", {"Liver": 1}),
    "sparse_labelmap_ppv5_seg.nrrd": ("sparse-labelmap-ppv5.dcm", {"Liver": 1}),
}


@pytest.mark.parametrize("twin", TWINS)
def test_real_objects_equal_their_twins(shared_data: Path, twin: str) -> None:
    file, segments = TWINS[twin]
    grid = sitk.ReadImage(shared_data / "dicom_seg" / twin)
    labels = read_segments(shared_data / "dicom_seg" / file, grid, segments=segments, **WHERE)
    padding = {5: 0} if "ppv5" in twin else {}  # the twin fills the slice without a frame with PixelPaddingValue
    values = {value: value for value in segments.values()}
    expected = read_labels(shared_data / "dicom_seg" / twin, grid, values={**values, **padding}, **WHERE)
    assert _array(expected).any()
    np.testing.assert_array_equal(_array(labels), _array(expected))


def test_real_object_lies_on_its_ct_and_overlaps_are_counted(shared_data: Path) -> None:
    folder = shared_data / "dicom_seg"
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "ct-3slice")))
    labels = read_segments(folder / "liver.dcm", reader.Execute(), segments={"Liver": 1}, **WHERE)
    np.testing.assert_array_equal(_array(labels), _array(sitk.ReadImage(folder / "liver_seg.nrrd")))
    segments = {f"#{number}": number for number in range(1, 6)}
    with pytest.raises(ConversionError, match="3134 voxels in several chosen segments"):
        read_segments(folder / "partial_overlaps.dcm", labels, segments=segments, **WHERE)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None)
@given(position=st.integers(128, 3000), content=st.binary(min_size=1, max_size=4), cut=st.integers(0, 1000))
def test_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, position: int, content: bytes, cut: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"{kind}.dcm"
    if not path.exists():
        write_seg(path, MASKS, frame_of_reference=FRAME, kind=kind)
    whole = path.read_bytes()
    position %= len(whole)
    damaged = whole[:position] + content + whole[position + len(content) :]
    (folder / "damaged.dcm").write_bytes(damaged[: len(damaged) - cut] if cut > 800 else damaged)
    try:
        labels = read_segments(folder / "damaged.dcm", _grid(), segments={"Lung-Left": 1, "#2": 2}, **WHERE)
    except ConversionError:
        return
    assert labels.GetSize() == (5, 3, 4)
    assert set(np.unique(_array(labels))) <= {0, 1, 2}
