from pathlib import Path

import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.dicom import headers as dicom_headers
from dataset_converters.dicom.headers import find_case_files, find_dicom_files, read_headers
from dataset_converters.dicom.quiet_pydicom import quiet
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_contours, write_ct_series, write_enhanced_ct
from dataset_converters.dicom.scan import HeaderScanner
from dataset_converters.dicom.series import group_dicom_series, read_dicom_series
from dataset_converters.dicom.tree import ct_of, find_series, list_series, only_series, series_key
from dataset_converters.errors import ConversionError

WHERE = {"dataset": "demo", "case": "C1"}


def _image() -> sitk.Image:
    return ct_of_mask(ball_mask(size_xyz=(5, 4, 3), spacing_mm=(0.7, 0.9, 2.5), radius_mm=1.5))


def _ct(folder: Path, **attributes) -> str:
    options = {"kernel": "SOFT", "manufacturer": "GE", "StudyInstanceUID": "1.2.9", **attributes}
    return write_ct_series(folder, _image(), **options).frame_of_reference


def _rtstruct(path: Path, *, series: str = "", frame: str = "1.5", study: str = "1.2.9", uid: str = "9.9") -> None:
    write_contours(path, {}, frame_of_reference=frame)
    file = pydicom.dcmread(path)
    file.StudyInstanceUID, file.SeriesInstanceUID = study, uid
    if series:
        levels = [pydicom.Dataset() for _ in range(3)]
        levels[2].SeriesInstanceUID = series
        levels[1].RTReferencedSeriesSequence = [levels[2]]
        levels[0].RTReferencedStudySequence = [levels[1]]
        file.ReferencedFrameOfReferenceSequence = [levels[0]]
    file.save_as(path)


def test_series_come_in_the_order_of_their_files_with_modality_and_headers(tmp_path) -> None:
    _ct(tmp_path / "b", SeriesInstanceUID="1.1")
    _ct(tmp_path / "c", SeriesInstanceUID="1.0")
    _ct(tmp_path / "d", SeriesInstanceUID="1.3", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    _rtstruct(tmp_path / "a" / "rs.dcm", series="1.0")
    (tmp_path / "notes.txt").write_text("text")
    found = find_series(tmp_path, **WHERE)
    assert [(s.modality, s.uid, len(s.headers)) for s in found] == [
        ("RTSTRUCT", "9.9", 1),
        ("CT", "1.1", 3),
        ("CT", "1.0", 3),
        ("localizer", "1.3", 3),
    ]
    assert list(found[1].files) == sorted((tmp_path / "b").iterdir())
    assert list_series(found) == "2 CT (3, 3 slices), 1 RTSTRUCT, 1 localizer"
    assert [len(group) for group in group_dicom_series(find_dicom_files(tmp_path), **WHERE)] == [3, 3]


def test_contour_set_belongs_to_the_series_it_names(tmp_path) -> None:
    frame = _ct(tmp_path / "a", SeriesInstanceUID="1.1", FrameOfReferenceUID="1.5") and "1.5"
    _ct(tmp_path / "b", SeriesInstanceUID="1.2", FrameOfReferenceUID="1.5")
    _rtstruct(tmp_path / "rs1.dcm", series="1.2", frame=frame, uid="9.1")
    _rtstruct(tmp_path / "rs2.dcm", series="1.1", frame=frame, uid="9.2")
    found = find_series(tmp_path, **WHERE)
    scans = {s.uid: s for s in found if s.modality == "CT"}
    for drawn in (s for s in found if s.modality == "RTSTRUCT"):
        scan = ct_of(found, drawn, **WHERE)
        assert scan.uid == {"9.1": "1.2", "9.2": "1.1"}[drawn.uid]
    assert set(scans) == {"1.1", "1.2"}


def test_without_a_reference_the_frame_of_reference_decides_then_the_study(tmp_path) -> None:
    _ct(tmp_path / "a", SeriesInstanceUID="1.1", FrameOfReferenceUID="1.5")
    _ct(tmp_path / "b", SeriesInstanceUID="1.2", FrameOfReferenceUID="1.6", StudyInstanceUID="1.2.10")
    _rtstruct(tmp_path / "rs1.dcm", frame="1.6", uid="9.1")
    _rtstruct(tmp_path / "rs2.dcm", frame="1.7", uid="9.2")
    found = find_series(tmp_path, **WHERE)
    by_frame, by_study = (s for s in found if s.modality == "RTSTRUCT")
    assert ct_of(found, by_frame, **WHERE).uid == "1.2"
    assert ct_of(found, by_study, **WHERE).uid == "1.1"


def test_a_contour_set_of_a_series_that_is_not_there_or_of_several_is_refused(tmp_path) -> None:
    _ct(tmp_path / "a", SeriesInstanceUID="1.1", FrameOfReferenceUID="1.5")
    _ct(tmp_path / "b", SeriesInstanceUID="1.2", FrameOfReferenceUID="1.5")
    _rtstruct(tmp_path / "rs1.dcm", series="1.9", uid="9.1")
    _rtstruct(tmp_path / "rs2.dcm", frame="1.5", uid="9.2")
    found = find_series(tmp_path, **WHERE)
    for drawn, count in zip((s for s in found if s.modality == "RTSTRUCT"), (0, 2), strict=True):
        with pytest.raises(ConversionError, match=f"a RTSTRUCT series and {count} such among 2 CT"):
            ct_of(found, drawn, **WHERE)


def test_only_series_names_what_is_there(tmp_path) -> None:
    _ct(tmp_path / "a", SeriesInstanceUID="1.1")
    _rtstruct(tmp_path / "rs.dcm")
    found = find_series(tmp_path, **WHERE)
    assert only_series(found, modality="CT", **WHERE).uid == "1.1"
    with pytest.raises(ConversionError, match=r"found 1 CT \(3 slices\), 1 RTSTRUCT; wanted 1 SEG series; unpack"):
        only_series(found, modality="SEG", **WHERE)
    with pytest.raises(ConversionError, match="found no DICOM series"):
        only_series((), modality="CT", **WHERE)
    with pytest.raises(ConversionError, match="leave one CT series"):
        only_series((*found, found[0]), modality="CT", **WHERE)


def test_blank_series_uids_are_told_apart_by_kernel_size_and_orientation_and_reported(tmp_path) -> None:
    blank = {"SeriesInstanceUID": "", "FrameOfReferenceUID": ""}
    _ct(tmp_path / "a", **blank)
    _ct(tmp_path / "b", kernel="LUNG", **blank)
    _ct(tmp_path / "c", **blank, ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"])
    _ct(tmp_path / "d", **blank, StudyInstanceUID="1.2.10")
    found = find_series(tmp_path, **WHERE)
    assert [(s.blank_uid, s.files[0].parent.name) for s in found] == [(True, name) for name in "abcd"]
    facts = read_dicom_series(tmp_path / "a", **WHERE).facts
    assert facts["series_grouping"] == "no series UID: by geometry and kernel"


def test_an_unknown_modality_is_not_quoted(tmp_path) -> None:
    _ct(tmp_path, Modality="DOE")
    assert list_series(find_series(tmp_path, **WHERE)) == "1 another modality"


def test_links_that_lead_out_of_the_folder_are_left_out(tmp_path) -> None:
    _ct(tmp_path / "elsewhere")
    inside = tmp_path / "case"
    _ct(inside / "ct")
    (inside / "out.dcm").symlink_to(tmp_path / "elsewhere" / "000000.dcm")
    (inside / "folder").symlink_to(tmp_path / "elsewhere")
    (inside / "nowhere.dcm").symlink_to(tmp_path / "missing.dcm")
    (inside / "again.dcm").symlink_to(inside / "ct" / "000000.dcm")
    assert [file.name for file in find_dicom_files(inside)] == ["again.dcm", "000000.dcm", "000001.dcm", "000002.dcm"]
    with pytest.raises(
        ConversionError, match=r"found 1 links that lead out of the folder and 1 links to nothing, and 4"
    ):
        find_series(inside, **WHERE)
    with pytest.raises(ConversionError, match="wanted files, or links within the folder; copy the files"):
        read_dicom_series(inside, **WHERE)


def test_links_that_are_no_slices_are_left_out_unless_there_is_nothing_else(tmp_path) -> None:
    _ct(tmp_path / "elsewhere")
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "IM1").symlink_to(tmp_path / "elsewhere" / "000000.dcm")
    with pytest.raises(ConversionError, match="found 1 links that lead out of the folder, and no DICOM files"):
        find_case_files(tmp_path / "case", **WHERE)
    _ct(tmp_path / "case" / "ct")
    (tmp_path / "case" / "again").symlink_to(tmp_path / "case" / "ct")
    assert len(find_case_files(tmp_path / "case", **WHERE)) == 3


def test_hidden_files_and_folders_are_left_out(tmp_path) -> None:
    _ct(tmp_path / ".ct")
    _ct(tmp_path / "ct")
    (tmp_path / "ct" / "000000.dcm").rename(tmp_path / "ct" / ".000000.dcm")
    assert [file.name for file in find_case_files(tmp_path, **WHERE)] == ["000001.dcm", "000002.dcm"]


def test_faulty_file_is_placed_in_its_folder(tmp_path) -> None:
    for name in ("a", "b"):
        _ct(tmp_path / name)
        for path in sorted((tmp_path / name).iterdir()):
            path.rename(path.with_name(f"Doe {path.name}"))
    (tmp_path / "b" / "Doe 000001.dcm").write_bytes(b"x" * 60)
    place = r"found file 2 of 3 \(sorted by name\) in folder 2 of 2 \(sorted by path\) whose header cannot be read"
    with pytest.raises(ConversionError, match=place):
        find_series(tmp_path, **WHERE)


def _scanner() -> HeaderScanner:
    return HeaderScanner({int(tag): tag for tag in dicom_headers._TAGS})


def _both(path: Path, scanner: HeaderScanner) -> tuple[pydicom.Dataset | None, pydicom.Dataset]:
    with path.open("rb") as stream, quiet():
        return scanner.scan(stream), dicom_headers._read_with_pydicom(stream)


def _same(scanned: pydicom.Dataset, read: pydicom.Dataset) -> bool:
    syntaxes = {header.file_meta.TransferSyntaxUID for header in (scanned, read)}
    plain = [tag for tag in list(read._dict) if read.get_item(tag).VR not in ("SQ", None)]
    values = set(scanned._dict) == set(read._dict) and all(scanned[tag] == read[tag] for tag in plain)
    return values and scanned.pixels == read.pixels and len(syntaxes) == 1


def _private_sequence(file: pydicom.Dataset) -> None:
    """A sequence of undefined length with another inside, as scanners write them."""
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.CodeValue = "X"
    outer.ConceptNameCodeSequence, outer.CodeMeaning = [inner], "Y"
    file.RequestAttributesSequence = [outer, outer]
    for item in (outer, inner):
        item.is_undefined_length_sequence_item = True
    file["RequestAttributesSequence"].is_undefined_length = True
    outer["ConceptNameCodeSequence"].is_undefined_length = True


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("change", [lambda file: None, _private_sequence], ids=["plain", "nested"])
def test_scanned_headers_equal_those_of_pydicom(tmp_path, implicit, change) -> None:
    _ct(tmp_path, StudyDate="20200101", SeriesDescription="thorax")
    scanner = _scanner()
    for path in tmp_path.iterdir():
        file = pydicom.dcmread(path)
        change(file)
        if implicit:
            file.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        pydicom.dcmwrite(path, file, implicit_vr=implicit, little_endian=True)
        scanned, read = _both(path, scanner)
        assert scanned is not None
        assert _same(scanned, read)
        assert scanned.pixels.length == 5 * 4 * 2
        assert path.read_bytes()[scanned.pixels.start :] == file.PixelData


def test_values_shared_by_files_are_decoded_once_and_others_are_not_mixed_up(tmp_path) -> None:
    _ct(tmp_path)
    headers = read_headers(find_dicom_files(tmp_path), **WHERE)
    assert len({id(header["Manufacturer"]) for header in headers}) == 1
    assert len({str(header.ImagePositionPatient) for header in headers}) == 3


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_header_is_read_as_pydicom_reads_it_or_left_to_it(data, tmp_path_factory) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        _ct(folder / "single")
        write_enhanced_ct(folder / "many.dcm", _image(), kernel="LUNG", manufacturer="GE")
    source = data.draw(st.sampled_from([*sorted(folder.rglob("0*.dcm")), folder / "many.dcm"]))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.sampled_from([0, 1, 2, 255, 83, 81, 48]))
    path = folder / "damaged.bin"
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        scanned, read = _both(path, _scanner())
        with quiet():
            same = scanned is None or _same(scanned, read)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # what pydicom cannot read is refused by the caller
        return
    assert same


def test_orientation_of_another_type_is_a_key_like_any_other() -> None:
    """A damaged header holds bytes where numbers should stand; the series is refused later, by its checks."""
    damaged = {"ImageOrientationPatient": [b"\x01\x02", 1.0]}
    assert series_key(damaged)[-2:] == (str(b"\x01\x02"), "1.00")
    whole = {"ImageOrientationPatient": ["1", "0", "0", "0", "1", "0.004"]}
    assert series_key(whole)[-6:] == ("1.00", "0.00", "0.00", "0.00", "1.00", "0.00")
