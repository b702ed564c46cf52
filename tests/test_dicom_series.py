import logging
import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import UPSIDE_DOWN, WHERE, ct_image, edit, oblique, write_series

from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.quiet_pydicom import quiet
from dataset_converters.dicom.sample import write_contours, write_ct_series
from dataset_converters.dicom.series import group_dicom_series, inspect_dicom_series, read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.volumes.grid import grid_difference, grid_of


@pytest.mark.parametrize("direction", [None, oblique(), UPSIDE_DOWN])
def test_series_comes_back_with_values_and_geometry(tmp_path, direction) -> None:
    image = ct_image(direction)
    write_ct_series(tmp_path, image, kernel="SOFT", manufacturer="GE MEDICAL SYSTEMS")
    ct = read_dicom_series(tmp_path, **WHERE)
    assert ct.image.GetPixelID() == sitk.sitkInt16
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ct.image), sitk.GetArrayFromImage(image))
    assert grid_difference(grid_of(image), grid_of(ct.image)) is None
    assert ct.image.GetSpacing() == pytest.approx(image.GetSpacing(), abs=1e-6)
    assert ct.facts == {
        "kernel": "SOFT",
        "manufacturer": "GE",
        "kvp": "120",
        "slice_thickness_mm": "2.5",
    }


def test_neither_file_names_nor_instance_numbers_nor_order_of_files_matter(tmp_path) -> None:
    files = write_series(tmp_path)
    for number, path in enumerate(files):
        edit(path, InstanceNumber=[3, 1, 4, 2][number])
    expected = sitk.GetArrayFromImage(ct_image())
    for order in ((2, 0, 3, 1), (0, 1, 2, 3)):
        read = read_dicom_series([files[i] for i in order], **WHERE)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), expected)


def test_no_identifying_attribute_reaches_facts_or_messages(tmp_path) -> None:
    secrets = {
        "PatientName": "DOE^JANE",
        "PatientID": "HOSP4711",
        "PatientBirthDate": "19500102",
        "StudyDate": "20200304",
        "InstitutionName": "General Hospital",
        "AccessionNumber": "ACC99",
        "SeriesDescription": "DOE thorax",
    }
    files = write_series(tmp_path, **secrets)
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert fact_fault(facts) is None
    header = pydicom.dcmread(files[0])
    hidden = [*secrets.values(), str(header.SeriesInstanceUID), str(header.FrameOfReferenceUID)]
    edit(files[0], ConvolutionKernel="LUNG", SeriesInstanceUID="1.2.3.4.5.6.7")
    with pytest.raises(ConversionError) as caught:
        read_dicom_series(tmp_path, **WHERE)
    for text in (str(facts), str(caught.value)):
        assert not [secret for secret in hidden if secret in text]


def test_pydicom_neither_warns_nor_logs_and_is_loud_again_afterwards(caplog, recwarn) -> None:
    logger = logging.getLogger("pydicom")
    mode, level = pydicom.config.settings.reading_validation_mode, logger.level
    with suppress(KeyError), quiet():
        warnings.warn("DOE", stacklevel=1)
        logger.critical("DOE")
        logging.getLogger("pydicom.pixels").error("DOE")
        raise KeyError
    assert not recwarn.list
    assert not caplog.records
    assert (pydicom.config.settings.reading_validation_mode, logger.level) == (mode, level)
    logger.critical("heard")
    assert [record.message for record in caplog.records] == ["heard"]


def test_several_kernel_values_are_joined_and_varying_numbers_become_a_range(tmp_path) -> None:
    files = write_series(tmp_path, kernel=["Br38f", "3"], Exposure="253")
    edit(files[1], Exposure="254")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert facts["kernel"] == "Br38f\\3"
    assert facts["exposure_mas"] == "253 to 254"


def test_blank_uids_and_other_files_are_tolerated(tmp_path) -> None:
    write_series(tmp_path, SeriesInstanceUID="", FrameOfReferenceUID="")
    (tmp_path / "LICENSE").write_text("text")
    (tmp_path / "._000000.dcm").write_bytes(b"resource fork")
    assert read_dicom_series(tmp_path, **WHERE).image.GetSize() == (5, 3, 4)


def _truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


FAULTS = {
    "mixed series": (lambda f: edit(f[0], SeriesInstanceUID="1.2.3"), "2 series mixed: .*wanted 1 series"),
    "mixed kernels": (
        lambda f: edit(f[0], ConvolutionKernel="LUNG"),
        "1 slices with kernel LUNG; 3 slices with kernel SOFT",
    ),
    "missing slice": (lambda f: f[1].unlink(), r"5 mm between -881\.32 and -876\.32; wanted 2\.5 mm everywhere"),
    "changed copy": (
        lambda f: edit(shutil.copy(f[1], f[1].with_name("copy.dcm")), RescaleIntercept="-1000"),
        r"one position along the normal: \(-878\.82\) mm; 2 slices with different pixels or acquisitions at 1",
    ),
    "copy of another acquisition": (
        lambda f: edit(shutil.copy(f[1], f[1].with_name("copy.dcm")), AcquisitionTime="101010"),
        "2 slices with different pixels or acquisitions at 1 positions",
    ),
    "stacked acquisitions": (
        lambda f: [
            edit(shutil.copy(p, p.with_name(f"again_{p.name}")), AcquisitionNumber="2", RescaleIntercept="-1000")
            for p in f
            if not edit(p, AcquisitionNumber="1")
        ],
        r"2 acquisitions of 4, 4 slices are stacked \(8 slices at 4 positions\)",
    ),
    "gantry tilt": (
        lambda f: [edit(p, ImagePositionPatient=["0", f"{0.6 * i:.1f}", str(2.5 * i)]) for i, p in enumerate(f)],
        r"gantry tilt\): slices shift sideways by 1\.8 mm over 7\.5 mm, 13\.5 degrees",
    ),
    "orientation": (
        lambda f: edit(f[3], ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"]),
        "2 slice orientations",
    ),
    "not orthogonal": (
        lambda f: [edit(p, ImageOrientationPatient=["1", "0", "0", "0.6", "0.8", "0"]) for p in f],
        "two unit vectors at a right angle",
    ),
    "size": (lambda f: edit(f[3], Rows=5, Columns=3), "different sizes 3 x 5, 5 x 3"),
    "spacing": (lambda f: edit(f[3], PixelSpacing=["0.9", "0.8"]), r"pixel spacings from 0\.7 to 0\.9 mm"),
    "no position": (lambda f: edit(f[2], ImagePositionPatient=None), "000001.dcm without ImagePositionPatient"),
    "no slope": (lambda f: edit(f[2], RescaleSlope=None), "without RescaleSlope"),
    "modality": (lambda f: [edit(p, Modality="MR") for p in f], "modality MR in 4 files; wanted modality CT"),
    "multi-frame": (
        lambda f: edit(f[0], NumberOfFrames="8"),
        r"a multi-frame file that is no enhanced CT \(1 of 4 files\)",
    ),
    "colour": (
        lambda f: edit(f[0], PhotometricInterpretation="RGB", SamplesPerPixel=3),
        "with 3 samples per pixel, or not MONOCHROME2",
    ),
    "not HU": (lambda f: edit(f[0], RescaleType="Z_EFF"), "values rescaled to a unit other than HU"),
    "cut off pixels": (
        lambda f: _truncate(f[1], f[1].stat().st_size - 4),
        "000002.dcm whose pixels cannot be read .*3 x 5",
    ),
    "cut off header": (lambda f: _truncate(f[1], 700), "found (000002.dcm without|modality CT, none)"),
    "cut off at once": (lambda f: _truncate(f[1], 60), "000002.dcm whose header cannot be read"),
    "one slice": (lambda f: [p.unlink() for p in f[1:]], "found 1 slice"),
    "nothing": (lambda f: [p.unlink() for p in f], "no DICOM files"),
    "zero slope": (lambda f: edit(f[1], RescaleSlope="0"), "rescaled by 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_dataset_case_found_and_wanted(tmp_path, fault: str) -> None:
    break_it, message = FAULTS[fault]
    break_it(write_series(tmp_path))
    with pytest.raises(ConversionError, match=r"^demo: C1: found .*; wanted .*; ") as caught:
        read_dicom_series(tmp_path, **WHERE)
    assert caught.match(message)


def test_missing_folder_says_so(tmp_path) -> None:
    with pytest.raises(ConversionError, match="the folder is not there"):
        read_dicom_series(tmp_path / "nowhere", **WHERE)


def test_lossy_compression_becomes_a_fact(tmp_path) -> None:
    files = write_series(tmp_path)
    edit(files[2], LossyImageCompression="01")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert facts["lossy_compression"] == "yes"
    assert fact_fault(facts) is None


def test_exact_repetitions_are_dropped_and_counted(tmp_path) -> None:
    files = write_series(tmp_path)
    shutil.copy(files[0], tmp_path / "again.dcm")
    shutil.copy(files[3], tmp_path / "000099.dcm")
    ct = read_dicom_series(tmp_path, **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ct.image), sitk.GetArrayFromImage(ct_image()))
    assert ct.facts["duplicate_slices_dropped"] == "2"
    assert fact_fault(ct.facts) is None


def test_overlapping_slices_are_accepted_and_noted(tmp_path) -> None:
    write_series(tmp_path, SliceThickness="4")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert (facts["slice_thickness_mm"], facts["slice_overlap_mm"]) == ("4", "1.5")


def test_series_keeps_what_pairs_it_with_other_objects_in_memory(tmp_path) -> None:
    files = write_series(tmp_path, StudyInstanceUID="1.2.9", AcquisitionNumber="4", AcquisitionTime="101112")
    series = inspect_dicom_series(read_headers(reversed(files), **WHERE), **WHERE)
    assert series.files == files
    assert series.sop_instance_uids == tuple(pydicom.dcmread(path).SOPInstanceUID for path in files)
    assert (series.study_uid, series.acquisition) == ("1.2.9", "4|101112")


def test_only_numbers_and_listed_words_become_facts(tmp_path) -> None:
    write_series(
        tmp_path,
        manufacturer="DOE Hospital",
        kernel="DOE",
        ManufacturerModelName="Jane",
        PatientPosition="FFS",
        ScanOptions="HELICAL MODE",
        FilterType="DOE",
        BodyPartExamined="CHEST",
        SpiralPitchFactor=0.984,
        XRayTubeCurrent="19500102",
        ReconstructionDiameter="500",
    )
    assert read_dicom_series(tmp_path, **WHERE).facts == {
        "kernel": "unlisted",
        "kvp": "120",
        "slice_thickness_mm": "2.5",
        "patient_position": "FFS",
        "scan_options": "HELICAL MODE",
        "body_part": "CHEST",
        "pitch": "0.984",
        "reconstruction_diameter_mm": "500",
    }


def test_groups_leave_localizers_and_other_objects_out(tmp_path) -> None:
    first, second = write_series(tmp_path / "a"), write_series(tmp_path / "b", kernel="LUNG")
    scout = write_series(tmp_path / "c", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    report = write_series(tmp_path / "d", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_contours(tmp_path / "e.dcm", {}, frame_of_reference="1.2.3")
    groups = group_dicom_series([*first, *second, *scout, *report, tmp_path / "e.dcm"], **WHERE)
    assert sorted((len(g), g[0].ConvolutionKernel) for g in groups) == [(4, "LUNG"), (4, "SOFT")]


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("sliceincrement/001", r"10 mm between 28\.1075 and 38\.1075; wanted 5 mm everywhere"),
        ("sliceincrement/002", r"gantry tilt.*15\.5 degrees"),
        ("gantrytilting/001", r"gantry tilt.*14\.0 degrees"),
        ("notavolume/001", r"several slices at one position along the normal: \(61\.5\) mm"),
        (".", "4 series mixed"),
    ],
)
def test_real_awkward_series_are_refused(shared_data: Path, folder: str, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        read_dicom_series(shared_data / "awkward_geometry" / folder, **WHERE)


def test_real_series_equals_simpleitk(shared_data: Path) -> None:
    folder = shared_data / "dicom_seg" / "ct-3slice"
    ct = read_dicom_series(folder, **WHERE)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    expected = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ct.image), sitk.GetArrayFromImage(expected))
    assert grid_difference(grid_of(expected), grid_of(ct.image)) is None
