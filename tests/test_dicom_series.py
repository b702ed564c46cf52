import logging
import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from dataset_converters.dicom import checks as dicom_checks
from dataset_converters.dicom import encoding as dicom_encoding
from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.quiet_pydicom import quiet
from dataset_converters.dicom.sample import write_contours, write_ct_series
from dataset_converters.dicom.series import group_dicom_series, inspect_dicom_series, read_dicom_series
from dataset_converters.dicom.slice_stack import stack_slices
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.volumes.grid import grid_difference, grid_of

WHERE = {"dataset": "demo", "case": "C1"}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _image(direction=None, size_zyx=(4, 3, 5)) -> sitk.Image:
    image = sitk.GetImageFromArray(np.arange(np.prod(size_zyx), dtype=np.int16).reshape(size_zyx) - 1000)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-12.5, 30.0, -881.32))
    if direction is not None:
        image.SetDirection(direction)
    return image


def _series(folder: Path, **options) -> tuple[Path, ...]:
    options = {"kernel": "SOFT", "manufacturer": "GE MEDICAL SYSTEMS", **options}
    return write_ct_series(folder, _image(), **options).files


def _edit(path: Path, **values) -> None:
    file = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            delattr(file, keyword)
        else:
            setattr(file, keyword, value)
    file.save_as(path)


def _oblique() -> tuple[float, ...]:
    a, b = np.radians(20), np.radians(-35)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return tuple((turn @ tip).ravel())


UPSIDE_DOWN = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)


@pytest.mark.parametrize("direction", [None, _oblique(), UPSIDE_DOWN])
def test_series_comes_back_with_values_and_geometry(tmp_path, direction) -> None:
    image = _image(direction)
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
    files = _series(tmp_path)
    for number, path in enumerate(files):
        _edit(path, InstanceNumber=[3, 1, 4, 2][number])
    expected = sitk.GetArrayFromImage(_image())
    for order in ((2, 0, 3, 1), (0, 1, 2, 3)):
        read = read_dicom_series([files[i] for i in order], **WHERE)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), expected)


def test_rescale_is_applied_slice_by_slice_and_float_where_needed(tmp_path) -> None:
    files = _series(tmp_path)
    _edit(files[2], RescaleSlope="0.5", RescaleIntercept="-10")
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    stored = sitk.GetArrayFromImage(_image()).astype(float) + 1024
    expected = stored - 1024
    expected[2] = stored[2] * 0.5 - 10
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, expected.astype(np.float32))


def test_values_beyond_int16_are_not_wrapped(tmp_path) -> None:
    files = _series(tmp_path)
    _edit(files[0], RescaleIntercept="40000")
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    assert read.dtype == np.float32
    assert read[0, 0, 0] == 40024


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
    files = _series(tmp_path, **secrets)
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert fact_fault(facts) is None
    header = pydicom.dcmread(files[0])
    hidden = [*secrets.values(), str(header.SeriesInstanceUID), str(header.FrameOfReferenceUID)]
    _edit(files[0], ConvolutionKernel="LUNG", SeriesInstanceUID="1.2.3.4.5.6.7")
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
    files = _series(tmp_path, kernel=["Br38f", "3"], Exposure="253")
    _edit(files[1], Exposure="254")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert facts["kernel"] == "Br38f\\3"
    assert facts["exposure_mas"] == "253 to 254"


def test_blank_uids_and_other_files_are_tolerated(tmp_path) -> None:
    _series(tmp_path, SeriesInstanceUID="", FrameOfReferenceUID="")
    (tmp_path / "LICENSE").write_text("text")
    (tmp_path / "._000000.dcm").write_bytes(b"resource fork")
    assert read_dicom_series(tmp_path, **WHERE).image.GetSize() == (5, 3, 4)


def _truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


FAULTS = {
    "mixed series": (lambda f: _edit(f[0], SeriesInstanceUID="1.2.3"), "2 series mixed: .*wanted 1 series"),
    "mixed kernels": (
        lambda f: _edit(f[0], ConvolutionKernel="LUNG"),
        "1 slices with kernel LUNG; 3 slices with kernel SOFT",
    ),
    "missing slice": (lambda f: f[1].unlink(), r"5 mm between -881\.32 and -876\.32; wanted 2\.5 mm everywhere"),
    "changed copy": (
        lambda f: _edit(shutil.copy(f[1], f[1].with_name("copy.dcm")), RescaleIntercept="-1000"),
        r"one position along the normal: \(-878\.82\) mm; 2 slices with different pixels or acquisitions at 1",
    ),
    "copy of another acquisition": (
        lambda f: _edit(shutil.copy(f[1], f[1].with_name("copy.dcm")), AcquisitionTime="101010"),
        "2 slices with different pixels or acquisitions at 1 positions",
    ),
    "stacked acquisitions": (
        lambda f: [
            _edit(shutil.copy(p, p.with_name(f"again_{p.name}")), AcquisitionNumber="2", RescaleIntercept="-1000")
            for p in f
            if not _edit(p, AcquisitionNumber="1")
        ],
        r"2 acquisitions of 4, 4 slices are stacked \(8 slices at 4 positions\)",
    ),
    "gantry tilt": (
        lambda f: [_edit(p, ImagePositionPatient=["0", f"{0.6 * i:.1f}", str(2.5 * i)]) for i, p in enumerate(f)],
        r"gantry tilt\): slices shift sideways by 1\.8 mm over 7\.5 mm, 13\.5 degrees",
    ),
    "orientation": (
        lambda f: _edit(f[3], ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"]),
        "2 slice orientations",
    ),
    "not orthogonal": (
        lambda f: [_edit(p, ImageOrientationPatient=["1", "0", "0", "0.6", "0.8", "0"]) for p in f],
        "two unit vectors at a right angle",
    ),
    "size": (lambda f: _edit(f[3], Rows=5, Columns=3), "different sizes 3 x 5, 5 x 3"),
    "spacing": (lambda f: _edit(f[3], PixelSpacing=["0.9", "0.8"]), r"pixel spacings from 0\.7 to 0\.9 mm"),
    "no position": (lambda f: _edit(f[2], ImagePositionPatient=None), "000001.dcm without ImagePositionPatient"),
    "no slope": (lambda f: _edit(f[2], RescaleSlope=None), "without RescaleSlope"),
    "modality": (lambda f: [_edit(p, Modality="MR") for p in f], "modality MR in 4 files; wanted modality CT"),
    "multi-frame": (
        lambda f: _edit(f[0], NumberOfFrames="8"),
        r"a multi-frame file that is no enhanced CT \(1 of 4 files\)",
    ),
    "colour": (
        lambda f: _edit(f[0], PhotometricInterpretation="RGB", SamplesPerPixel=3),
        "with 3 samples per pixel, or not MONOCHROME2",
    ),
    "not HU": (lambda f: _edit(f[0], RescaleType="Z_EFF"), "values rescaled to a unit other than HU"),
    "cut off pixels": (
        lambda f: _truncate(f[1], f[1].stat().st_size - 4),
        "000002.dcm whose pixels cannot be read .*3 x 5",
    ),
    "cut off header": (lambda f: _truncate(f[1], 700), "found (file 000002.dcm|modality CT, none)"),
    "cut off at once": (lambda f: _truncate(f[1], 60), "000002.dcm whose header cannot be read"),
    "one slice": (lambda f: [p.unlink() for p in f[1:]], "found 1 slice"),
    "nothing": (lambda f: [p.unlink() for p in f], "no DICOM files"),
    "zero slope": (lambda f: _edit(f[1], RescaleSlope="0"), "rescaled by 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_dataset_case_found_and_wanted(tmp_path, fault: str) -> None:
    break_it, message = FAULTS[fault]
    break_it(_series(tmp_path))
    with pytest.raises(ConversionError, match=r"^demo: C1: found .*; wanted .*; ") as caught:
        read_dicom_series(tmp_path, **WHERE)
    assert caught.match(message)


def test_missing_folder_says_so(tmp_path) -> None:
    with pytest.raises(ConversionError, match="the folder is not there"):
        read_dicom_series(tmp_path / "nowhere", **WHERE)


def test_compression_without_decoder_names_the_extra(tmp_path, monkeypatch) -> None:
    for path in _series(tmp_path):
        file = pydicom.dcmread(path)
        file.compress(pydicom.uid.RLELossless)
        file.save_as(path)
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image), sitk.GetArrayFromImage(_image())
    )

    class Missing:
        is_available = False

    monkeypatch.setattr(dicom_checks, "get_decoder", lambda uid: Missing())
    with pytest.raises(ConversionError, match=r"compressed as RLE Lossless.*pip install ctshift\[compressed,jpeg\]"):
        read_dicom_series(tmp_path, **WHERE)


def _need_decoder(syntax: pydicom.uid.UID) -> None:
    if not get_decoder(syntax).is_available:
        pytest.skip("needs the extra 'compressed'")


def _encapsulate(files, encode, syntax: str) -> None:
    """Replace the pixels of every file by those of the same plane, encoded by another library."""
    for path in files:
        file = pydicom.dcmread(path)
        file.PixelData = encode(file.pixel_array)
        file["PixelData"].is_undefined_length = True
        file.file_meta.TransferSyntaxUID = syntax
        file.save_as(path)


def _encoded_by_itk(folder: Path, compressor: str):
    def encode(plane):
        image = sitk.GetImageFromArray(plane[None])
        sitk.WriteImage(image, str(folder / "encoded.dcm"), useCompression=True, compressor=compressor)
        return pydicom.dcmread(folder / "encoded.dcm").PixelData

    return encode


@pytest.mark.parametrize(
    ("compressor", "syntax"),
    [("JPEG", pydicom.uid.JPEGLosslessSV1), ("JPEG2000", pydicom.uid.JPEG2000Lossless)],
)
def test_lossless_compression_by_another_library_gives_the_same_volume(tmp_path, compressor, syntax) -> None:
    _need_decoder(syntax)
    image = _image(size_zyx=(3, 24, 20))
    files = write_ct_series(tmp_path / "ct", image, kernel="SOFT", manufacturer="GE").files
    _encapsulate(files, _encoded_by_itk(tmp_path, compressor), syntax)
    read = read_dicom_series(tmp_path / "ct", **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), sitk.GetArrayFromImage(image))
    assert "lossy_compression" not in read.facts


def test_jpeg_ls_of_pydicoms_own_example(tmp_path) -> None:
    _need_decoder(pydicom.uid.JPEGLSLossless)
    plain, packed = (
        pydicom.dcmread(get_testdata_file(name)) for name in ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm")
    )
    image = _image(size_zyx=(2, 64, 64))
    files = write_ct_series(tmp_path, image, kernel="SOFT", manufacturer="GE", BitsStored=16, HighBit=15).files
    _encapsulate(files, lambda plane: packed.PixelData, packed.file_meta.TransferSyntaxUID)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    np.testing.assert_array_equal(read, np.stack([plain.pixel_array - 1024] * 2))


def test_lossy_compression_becomes_a_fact(tmp_path) -> None:
    files = _series(tmp_path)
    _edit(files[2], LossyImageCompression="01")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert facts["lossy_compression"] == "yes"
    assert fact_fault(facts) is None


def test_exact_repetitions_are_dropped_and_counted(tmp_path) -> None:
    files = _series(tmp_path)
    shutil.copy(files[0], tmp_path / "again.dcm")
    shutil.copy(files[3], tmp_path / "000099.dcm")
    ct = read_dicom_series(tmp_path, **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ct.image), sitk.GetArrayFromImage(_image()))
    assert ct.facts["duplicate_slices_dropped"] == "2"
    assert fact_fault(ct.facts) is None


def test_overlapping_slices_are_accepted_and_noted(tmp_path) -> None:
    _series(tmp_path, SliceThickness="4")
    facts = read_dicom_series(tmp_path, **WHERE).facts
    assert (facts["slice_thickness_mm"], facts["slice_overlap_mm"]) == ("4", "1.5")


def test_series_keeps_what_pairs_it_with_other_objects_in_memory(tmp_path) -> None:
    files = _series(tmp_path, StudyInstanceUID="1.2.9", AcquisitionNumber="4", AcquisitionTime="101112")
    series = inspect_dicom_series(read_headers(reversed(files), **WHERE), **WHERE)
    assert series.files == files
    assert series.sop_instance_uids == tuple(pydicom.dcmread(path).SOPInstanceUID for path in files)
    assert (series.study_uid, series.acquisition) == ("1.2.9", "4|101112")


def test_only_numbers_and_listed_words_become_facts(tmp_path) -> None:
    _series(
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


def _store(files, stored_zyx, **attributes) -> None:
    for path, plane in zip(files, stored_zyx, strict=True):
        _edit(path, PixelData=plane.tobytes(), **attributes)


@pytest.mark.parametrize(
    ("dtype", "attributes", "intercept"),
    [
        ("<u2", {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0}, -32768),
        ("<u2", {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}, -1024),
        ("<i2", {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}, 24),
        ("<i4", {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31, "PixelRepresentation": 1}, -1024),
        ("u1", {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}, -100),
    ],
)
@pytest.mark.parametrize("slope", [1, -3, 0.25])
def test_every_pixel_type_equals_pydicoms_own_rescaling(tmp_path, dtype, attributes, intercept, slope) -> None:
    bits = attributes["BitsStored"]
    low = -(2 ** (bits - 1)) if attributes["PixelRepresentation"] else 0
    stored = np.random.default_rng(1).integers(low, low + 2**bits, (4, 3, 5)).astype(dtype)
    files = _series(tmp_path)
    _store(files, stored, RescaleSlope=str(slope), RescaleIntercept=str(intercept), **attributes)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    plain = np.stack([pydicom.dcmread(path).pixel_array * float(slope) + intercept for path in files])
    np.testing.assert_array_equal(read, plain.astype(np.float32))
    fits = plain.min() >= -32768 and plain.max() <= 32767 and float(slope).is_integer()
    assert read.dtype == (np.int16 if fits else np.float32)


TWELVE = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}


def test_drawings_in_unused_bits_are_cut_off_where_the_header_announces_them(tmp_path) -> None:
    files = _series(tmp_path)
    stored = (np.arange(60).reshape(4, 3, 5) * 60).astype("<u2")
    _store(files, stored | 0x3000, **TWELVE)
    with pytest.raises(ConversionError, match="15 values that need more than the 12 bits the header says are stored"):
        read_dicom_series(tmp_path, **WHERE)
    for path in files:
        file = pydicom.dcmread(path)
        file.add_new(0x60000102, "US", 12)
        file.save_as(path)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    np.testing.assert_array_equal(read, stored.astype(int) - 1024)


def test_big_endian_and_deflated_files_give_the_same_volume(tmp_path) -> None:
    for name, syntax in (("big", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian)):
        for path in _series(tmp_path / name):
            file = pydicom.dcmread(path)
            if name == "big":
                file.PixelData = file.pixel_array.astype(">i2").tobytes()
            file.file_meta.TransferSyntaxUID = syntax
            pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=name != "big")
        read = sitk.GetArrayFromImage(read_dicom_series(tmp_path / name, **WHERE).image)
        np.testing.assert_array_equal(read, sitk.GetArrayFromImage(_image()))


def test_deflated_file_that_unpacks_to_too_much_is_refused_unseen(tmp_path, monkeypatch) -> None:
    path = _series(tmp_path)[0]
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    file.add_new(0x00091010, "OB", bytes(2**20))
    pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=True)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(dicom_encoding, "LARGEST_INFLATED", 2**19)
    with pytest.raises(ConversionError, match=r"header cannot be read \(ValueError\)"):
        read_dicom_series(tmp_path, **WHERE)


def test_groups_leave_localizers_and_other_objects_out(tmp_path) -> None:
    first, second = _series(tmp_path / "a"), _series(tmp_path / "b", kernel="LUNG")
    scout = _series(tmp_path / "c", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    report = _series(tmp_path / "d", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_contours(tmp_path / "e.dcm", {}, frame_of_reference="1.2.3")
    groups = group_dicom_series([*first, *second, *scout, *report, tmp_path / "e.dcm"], **WHERE)
    assert sorted((len(g), g[0].ConvolutionKernel) for g in groups) == [(4, "LUNG"), (4, "SOFT")]


def test_jitter_within_the_tolerance_is_one_stack_and_beyond_is_not() -> None:
    orientations = np.tile(AXIAL, (5, 1))
    positions = np.array([[0, 0, z] for z in (0.0, 1.24, 2.5, 3.76, 5.0)])
    assert stack_slices(positions, orientations, **WHERE).slice_spacing_mm == 1.25
    positions[2, 2] = 2.7
    with pytest.raises(ConversionError, match="2 uneven slice distances"):
        stack_slices(positions, orientations, **WHERE)


def test_slowly_growing_distances_are_no_uniform_stack() -> None:
    z = np.cumsum(np.linspace(0.95, 1.05, 40))
    positions = np.stack([0 * z, 0 * z, z], axis=1)
    with pytest.raises(ConversionError, match="from their place in a uniform stack"):
        stack_slices(positions, np.tile(AXIAL, (40, 1)), **WHERE)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(6)), st.floats(0.3, 8), st.floats(-1000, 1000))
def test_any_order_of_slices_gives_the_same_stack(order: list[int], spacing_mm: float, start_mm: float) -> None:
    direction = np.reshape(_oblique(), (3, 3))
    positions = np.outer(start_mm + spacing_mm * np.arange(6), direction[:, 2]) + np.array([3, -4, 5])
    orientations = np.tile([*direction[:, 0], *direction[:, 1]], (6, 1))
    stack = stack_slices(positions[order], orientations, **WHERE)
    assert [order[i] for i in stack.order] == list(range(6))
    np.testing.assert_allclose(stack.origin_mm, positions[0])
    assert stack.slice_spacing_mm == pytest.approx(spacing_mm)
    np.testing.assert_allclose(np.reshape(stack.direction, (3, 3)), direction, atol=1e-12)


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


def test_real_series_with_overlap_blank_uids_and_jpeg_2000(shared_data: Path) -> None:
    _need_decoder(pydicom.uid.JPEG2000Lossless)
    ct = read_dicom_series(shared_data / "totalsegmentator" / "example_ct_dicom", **WHERE)
    assert ct.image.GetSize() == (512, 512, 20)
    assert ct.image.GetSpacing() == (0.9765625, 0.9765625, 2.0)
    assert ct.facts["kernel"] == "Br38f\\3"
    assert ct.facts["slice_thickness_mm"] == "3"


def test_real_series_equals_simpleitk(shared_data: Path) -> None:
    folder = shared_data / "dicom_seg" / "ct-3slice"
    ct = read_dicom_series(folder, **WHERE)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    expected = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ct.image), sitk.GetArrayFromImage(expected))
    assert grid_difference(grid_of(expected), grid_of(ct.image)) is None
