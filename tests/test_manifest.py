"""A user's own table: what it may say, every fault of it at once with its line, and masks of every kind of file."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets.manifest import DATASET, describe, list_cases, make_sample
from dataset_converters.dicom.sample import write_ct_series, write_rtstruct
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED, Case
from dataset_converters.sources.manifest_table import read_manifest
from dataset_converters.sources.path_inside import path_inside
from dataset_converters.sources.sample_volumes import SampleChest, sample_chest, write_sample

SECRET = "Mustermann_Erika_19630402"


@pytest.fixture
def chest(tmp_path: Path) -> SampleChest:
    """One invented patient, with image and label map on the disk."""
    chest = sample_chest(5)
    write_sample(tmp_path / "ct.nii.gz", chest.image)
    write_sample(tmp_path / "labels.nii.gz", chest.labels(right_lung=2, left_lung=1))
    (tmp_path / "manifest.toml").write_text('[labels]\nright_lung = [2, "Lung_R"]\nleft_lung = [1, "Lung_L"]\n')
    return chest


def table(folder: Path, *lines: str, name: str = "manifest.csv") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def only_case(folder: Path, **options: Any) -> Case:
    (case,) = list_cases(folder, **options)
    return case


def labels_of(case: Case, reader: str = "r1") -> np.ndarray:
    image = next(iter(case.images.values()))().image
    return sitk.GetArrayFromImage(case.annotations[reader](image))


def fault_texts(folder: Path, **options: Any) -> list[str]:
    with pytest.raises((ConversionError, ConversionErrors)) as caught:
        list_cases(folder, **options)
    error = caught.value
    return [str(fault) for fault in (error.exceptions if isinstance(error, ConversionErrors) else (error,))]


def voxels(chest: SampleChest, name: str) -> np.ndarray:
    return sitk.GetArrayFromImage(chest.structures[name]) > 0


def test_one_line_is_enough(tmp_path: Path, chest: SampleChest) -> None:
    case = only_case(table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz"))
    assert (case.case, case.patient, case.role, case.annotated_slices) == ("P1", "P1", "", {})
    assert list(case.images) == ["CT"]
    labels = labels_of(case)
    assert np.array_equal(labels == 1, voxels(chest, "right_lung"))
    assert np.array_equal(labels == 2, voxels(chest, "left_lung"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, chest: SampleChest, delimiter: str, mark: str) -> None:
    rows = ["Case ,image,mask:r1,covariate:fvc", "P1,.\\ct.nii.gz,labels.nii.gz,78.5", ",,,"]
    table(tmp_path, *(mark * (row is rows[0]) + row.replace(",", delimiter) for row in rows))
    assert only_case(tmp_path).covariates == {"fvc": 78.5}


def test_lines_of_a_case_are_its_variants_and_say_the_rest_together(tmp_path: Path, chest: SampleChest) -> None:
    write_sample(tmp_path / "soft.mha", chest.image)
    folder = table(
        tmp_path,
        "case,patient,image,variant,variant_kind,kernel,role,age,sex,mask:r1",
        "a,P,ct.nii.gz,LK,,B70f,test,63,F,labels.nii.gz",
        "a,,soft.mha,EMU,emulated,b31f,,,,labels.nii.gz",
    )
    case = only_case(folder)
    assert (case.patient, case.role, case.covariates) == ("P", "test", {"age": 63.0, "sex": "F"})
    assert {name: load().facts["kernel"] for name, load in case.images.items()} == {"LK": "B70f", "EMU": "b31f"}
    assert describe(folder).variants == {"LK": "native", "EMU": "emulated"}


def test_describe_takes_labels_and_texts_from_the_toml_file(tmp_path: Path, chest: SampleChest) -> None:
    rows = ('licence = "CC0"', "[labels]", "lung = [1, 2]", "background = 9", "ignore = 255", "tumour = {source = [3]}")
    (tmp_path / "manifest.toml").write_text("\n".join(rows))
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz")
    info = describe(folder)
    assert info.labels == {"background": 0, "lung": 1, "tumour": 2}
    assert (info.licence, info.citation) == ("CC0", DATASET.citation)
    changed = chest.labels(right_lung=2, left_lung=1, tumour=3, effusion=9, disease=255)
    write_sample(tmp_path / "labels.nii.gz", changed)
    labels = labels_of(only_case(folder))
    assert set(np.unique(labels)) == {0, 1, 2, IGNORED}
    assert np.array_equal(labels == IGNORED, voxels(chest, "disease"))
    assert not labels[voxels(chest, "effusion")].any()


def test_a_mask_per_structure_needs_no_toml_and_later_structures_win(tmp_path: Path, chest: SampleChest) -> None:
    (tmp_path / "manifest.toml").unlink()
    write_sample(tmp_path / "lung.nrrd", chest.structures["lung"] * 255)
    write_sample(tmp_path / "tumour.mha", chest.structures["tumour"])
    folder = table(tmp_path, "case,image,mask:r1:lung,mask:r1:tumour", "P1,ct.nii.gz,lung.nrrd,tumour.mha")
    assert describe(folder).labels == {"background": 0, "lung": 1, "tumour": 2}
    labels = labels_of(only_case(folder))
    assert np.array_equal(labels == 2, voxels(chest, "tumour"))
    assert np.array_equal(labels > 0, voxels(chest, "lung"))


def test_dicom_folder_with_two_kernels_and_contours(tmp_path: Path, chest: SampleChest) -> None:
    """The kernel column picks the series; ROI names need not be written as in the table."""
    frame = ""
    for kernel in ("B70f", "B31f"):
        ct = sample_chest(5, noise_hu=5.0 if kernel == "B31f" else 80.0).image
        written = write_ct_series(
            tmp_path / "study" / kernel, ct, kernel=kernel, manufacturer="SIEMENS", frame_of_reference=frame
        )
        frame = written.frame_of_reference
    rois = {"lung-r": chest.structures["right_lung"], "Left Lung": chest.structures["left_lung"]}
    write_rtstruct(tmp_path / "rs.dcm", rois, frame_of_reference=frame)
    folder = table(tmp_path, "case,image,kernel,mask:r1", "P1,study,b31F,rs.dcm")
    case = only_case(folder)
    assert np.array_equal(sitk.GetArrayFromImage(case.images["CT"]().image), sitk.GetArrayFromImage(ct))
    assert np.array_equal(labels_of(case) == 2, voxels(chest, "left_lung"))
    table(tmp_path, "case,image,mask:r1", "P1,study,rs.dcm")
    with pytest.raises(ConversionError, match="found 2 CT series"):
        only_case(folder).images["CT"]()


def test_headers_of_dicom_series_are_checked_when_listing(tmp_path: Path, chest: SampleChest) -> None:
    series = write_ct_series(tmp_path / "ct", chest.image, kernel="L", manufacturer="Philips")
    table(tmp_path, "case,image,role", "P1,ct,test", "P2,ct.nii.gz,test")
    assert [case.case for case in list_cases(tmp_path)] == ["P1", "P2"]
    series.files[2].unlink()
    (text,) = fault_texts(tmp_path)
    assert text.startswith("manifest: P1: found 1 uneven slice distances")


@pytest.mark.parametrize(
    ("kind", "found"), [("gantrytilting", "tilt"), ("sliceincrement", "distance"), ("notavolume", "")]
)
def test_real_awkward_series_are_refused_when_listing(shared_data: Path, tmp_path: Path, kind: str, found: str) -> None:
    source = shared_data / "awkward_geometry" / kind / "001"
    if not source.is_dir():
        pytest.skip(f"{kind}: not among the real CT")
    shutil.copytree(source, tmp_path / "ct")
    (tmp_path / "manifest.toml").write_text("[labels]\nlung = [1]\n")
    table(tmp_path, "case,image,role", "P1,ct,test")
    (text,) = fault_texts(tmp_path)
    assert text.startswith("manifest: P1: found")
    assert found in text


def test_optional_structures_may_be_absent_from_contours(tmp_path: Path, chest: SampleChest) -> None:
    written = write_ct_series(tmp_path / "ct", chest.image, kernel="B31f", manufacturer="SIEMENS")
    rois = {"Lung_R": chest.structures["right_lung"], "Heart": chest.structures["heart"]}
    write_rtstruct(tmp_path / "rs.dcm", rois, frame_of_reference=written.frame_of_reference)
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct,rs.dcm")
    with pytest.raises(ConversionError, match="structures Lung_R, Heart; wanted one named Lung_L"):
        labels_of(only_case(folder))
    toml = '[labels]\nright_lung = "Lung_R"\nleft_lung = {source = ["Lung_L"], optional = true}\n'
    (tmp_path / "manifest.toml").write_text(toml)
    assert np.array_equal(labels_of(only_case(folder)), voxels(chest, "right_lung").astype(np.uint8))


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_segments_of_a_dicom_object_go_by_their_names(tmp_path: Path, chest: SampleChest, kind: str) -> None:
    written = write_ct_series(tmp_path / "ct", chest.image, kernel="B31f", manufacturer="SIEMENS")
    parts = {"Left lung": chest.structures["left_lung"], "right-lung": chest.structures["right_lung"]}
    frame = written.frame_of_reference
    write_seg(tmp_path / "seg.dcm", parts, frame_of_reference=frame, kind=kind)  # type: ignore[arg-type]
    labels = labels_of(only_case(table(tmp_path, "case,image,mask:r1", "P1,ct,seg.dcm")))
    assert np.array_equal(labels == 1, voxels(chest, "right_lung"))
    assert np.array_equal(labels == 2, voxels(chest, "left_lung"))


def test_other_values_are_background_only_when_asked(tmp_path: Path, chest: SampleChest) -> None:
    write_sample(tmp_path / "labels.nii.gz", chest.labels(right_lung=2, left_lung=1, heart=51, liver=5))
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz")
    with pytest.raises(ConversionError, match="values 5 "):
        labels_of(only_case(folder))
    text = (tmp_path / "manifest.toml").read_text()
    (tmp_path / "manifest.toml").write_text(f'unlisted = "background"\n{text}')
    assert np.array_equal(labels_of(only_case(folder)) > 0, voxels(chest, "lung"))


@pytest.mark.parametrize(
    ("axes", "wanted"), [("LPS", (1, 4, 5)), ("RAS", (1, 4, 5)), ("RPI", (6, 7, 10)), ("LPI", (1, 4, 5))]
)
def test_slices_count_from_the_feet_whatever_the_file_does(tmp_path: Path, axes: str, wanted: tuple[int, ...]) -> None:
    """12 slices: number 1 from the feet is index 10 of an array that runs downward; LPI is turned when it is read."""
    chest = sample_chest(1).turned(axes)
    write_sample(tmp_path / "ct.mha", chest.image)
    write_sample(tmp_path / "lung.mha", chest.structures["lung"])
    folder = table(tmp_path, "case,image,mask:r1:lung,slices:r1", "P1,ct.mha,lung.mha,1 4-5")
    assert only_case(folder).annotated_slices == {"r1": wanted}
    (tmp_path / "manifest.csv").write_text((tmp_path / "manifest.csv").read_text().replace("1 4-5", "12"))
    (text,) = fault_texts(folder)
    assert "wanted axial slices 0 to 11" in text


def test_masks_on_another_grid_only_when_asked(tmp_path: Path, chest: SampleChest) -> None:
    coarse = sitk.Shrink(chest.labels(right_lung=2, left_lung=1), (2, 2, 1))
    write_sample(tmp_path / "labels.nii.gz", coarse)
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz")
    with pytest.raises(ConversionError, match="another grid"):
        labels_of(only_case(folder))
    labels = labels_of(only_case(folder, resampled=True))
    assert (labels == 1).sum() == pytest.approx(voxels(chest, "right_lung").sum(), rel=0.15)


def test_every_fault_is_reported_at_once_with_its_line_and_no_cell(tmp_path: Path, chest: SampleChest) -> None:
    write_sample(tmp_path / "other.nii.gz", chest.image)
    for name in ("a", "b", "c", "d", "e"):
        write_sample(tmp_path / f"{name}.mha", chest.image)
    folder = table(
        tmp_path,
        "case,patient,image,role,age,mask:r1,slices:r1,covariate:stage",
        "good,P0,other.nii.gz,train,50,labels.nii.gz,,II",
        f"{SECRET[:10]} x,P1,a.mha,,,,,",
        f"c2,{SECRET}-,b.mha,train,1,{SECRET}.nii.gz,,",
        "c3,P3,../outside.nii.gz,train,,labels.nii.gz,,",
        "c4,P4,c.mha,tarin,,labels.nii.gz,,",
        "c5,P5,d.mha,train,19630402,labels.nii.gz,3 2-,",
        "c6,P6,e.mha,train,,,,",
        "good,P9,other.nii.gz,train,,,,",
        f"c8,P8,ct.nii.gz,train,,labels.nii.gz,,{SECRET} and more",
    )
    texts = fault_texts(folder)
    report = "\n".join(texts)
    assert not any(part in report for part in SECRET.split("_"))
    for line, word in ((3, "case"), (4, "patient"), (4, "mask:r1"), (5, "image"), (6, "role"), (7, "age")):
        assert any(f"line {line}: column {word}" in text for text in texts), (line, word)
    assert any("line 7: column slices:r1" in text for text in texts)
    assert any("line 8: no mask" in text for text in texts)
    assert any("line 9: column variant: the same as on line 2" in text for text in texts)
    assert any("line 9: column patient: another value than on line 2" in text for text in texts)
    assert any("line 10: column covariate:stage" in text for text in texts)


@pytest.mark.parametrize("cell", ["5-3", "3 9-5", "1-", "-1", "1.5", "1 1", "0-99999", "100000", "٣", "1,2", "a"])
def test_slices_in_another_form_are_refused(tmp_path: Path, chest: SampleChest, cell: str) -> None:
    line = f'P1,ct.nii.gz,labels.nii.gz,"{cell}"'
    (text,) = fault_texts(table(tmp_path, "case,image,mask:r1,slices:r1", line))
    assert "line 2: column slices:r1; wanted slice numbers from 0 at the feet" in text


@pytest.mark.parametrize("options", [{"resampled": "false"}, {"resampled": 1}, {"tilt": "correct"}])
def test_options_of_another_value_are_refused(tmp_path: Path, chest: SampleChest, options: dict) -> None:
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz")
    (text,) = fault_texts(folder, **options)
    assert "with another value" in text


def test_sound_cases_are_kept_for_a_study_that_excludes_the_others(tmp_path: Path, chest: SampleChest) -> None:
    write_sample(tmp_path / "two.nii.gz", chest.image)
    folder = table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz", "P2,two.nii.gz,absent.nii.gz")
    with pytest.raises(ConversionError) as caught:
        list_cases(folder)
    assert caught.value.case == "P2"
    assert [case.case for case in caught.value.readable] == ["P1"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "no column case; no column image"),
        (("case,image,mask:r1",), "no line below the header"),
        (("case,image,case", "1,2,3"), "column 1 twice"),
        ((f"case,image,{SECRET} 1", "1,2,3"), "column 3 with another name"),
        (("case,image,mask:r1:2nd", "1,2,3"), "column 3 with another name"),
        (("case,image,mask", "1,2,3"), "column 3 with another name"),
        (('case,image,mask:r1\n1,"2,3',), "cannot be read"),
    ],
)
def test_tables_in_another_form_are_refused(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    (text,) = fault_texts(table(tmp_path, *lines))
    assert words in text
    assert SECRET not in text


def test_text_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes("case,image\nMüller,x".encode("latin-1"))
    (text,) = fault_texts(tmp_path)
    assert "UTF-8" in text
    assert "ller" not in text


def test_a_table_elsewhere_or_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    table(tmp_path, "case,image", "a,b")
    for name in ("manifest.csv", "../manifest.csv"):
        (text,) = fault_texts(tmp_path / "in", table=name)
        assert "no table" in text


@pytest.mark.parametrize(
    "toml",
    [
        "lung = 1",
        "[labels]",
        "[labels]\nLung = 1",
        "[labels]\nlung = 1.5",
        "[labels]\nlung = true",
        "[labels]\nlung = [1]\ntumour = [1]",
        "[labels]\nlung = {sources = 1}",
        "[labels]\nbackground = 1",
        "[labels]\nlung = [",
        "title = 3\n[labels]\nlung = 1",
        "unlisted = 0\n[labels]\nlung = 1",
        "labels = 3",
    ],
)
def test_label_files_in_another_form_are_refused(tmp_path: Path, chest: SampleChest, toml: str) -> None:
    (tmp_path / "manifest.toml").write_text(toml)
    (text,) = fault_texts(table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz"))
    assert "manifest.toml" in text


def test_label_maps_without_label_file_are_refused(tmp_path: Path, chest: SampleChest) -> None:
    (tmp_path / "manifest.toml").unlink()
    (text,) = fault_texts(table(tmp_path, "case,image,mask:r1", "P1,ct.nii.gz,labels.nii.gz"))
    assert "what the values of mask:READER files mean is not known" in text


def test_columns_of_structures_the_label_file_lacks_are_refused(tmp_path: Path, chest: SampleChest) -> None:
    (text,) = fault_texts(table(tmp_path, "case,image,mask:r1:liver", "P1,ct.nii.gz,labels.nii.gz"))
    assert "1 mask columns of structures that [labels] does not list" in text


def test_links_out_of_the_folder_are_refused(tmp_path: Path, chest: SampleChest) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "ct.nii.gz").symlink_to(tmp_path / "ct.nii.gz")
    (inner / "manifest.toml").write_text("[labels]\nlung = [1, 2]\n")
    (text,) = fault_texts(table(inner, "case,image,role", "P1,ct.nii.gz,test"))
    assert "line 2: column image" in text


@given(st.text(max_size=20))
def test_a_path_of_a_table_never_leaves_its_folder(text: str) -> None:
    root = Path("/nowhere/at/all")
    path = path_inside(root, text)
    assert path is None or path.resolve().is_relative_to(root)


@pytest.mark.parametrize("text", ["", ".", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", "C:b", "a\0b"])
def test_paths_that_are_no_plain_relative_ones_are_refused(text: str) -> None:
    assert path_inside(Path("/nowhere"), text) is None


def test_real_label_map_of_many_structures(shared_data: Path, tmp_path: Path) -> None:
    """Lung lobes of a model, flipped axes, 40 other structures; the left lung lies to the patient's left."""
    for name in ("example_ct_sm.nii.gz", "example_seg.nii.gz"):
        (tmp_path / name).write_bytes((shared_data / "totalsegmentator" / name).read_bytes())
    toml = 'unlisted = "background"\n[labels]\nright_lung = [12, 13, 14]\nleft_lung = [10, 11]\n'
    (tmp_path / "manifest.toml").write_text(toml)
    case = only_case(table(tmp_path, "case,image,mask:model", "P1,example_ct_sm.nii.gz,example_seg.nii.gz"))
    image = case.images["CT"]().image
    labels = case.annotations["model"](image)
    found = sitk.GetArrayFromImage(labels)
    assert [(found == value).sum() for value in (1, 2)] == [2736, 1571]
    right, left = (
        labels.TransformContinuousIndexToPhysicalPoint(np.argwhere(found == value).mean(axis=0)[::-1].tolist())
        for value in (1, 2)
    )
    assert left[0] > right[0]
    assert np.median(sitk.GetArrayFromImage(image)[found > 0]) < -600


def test_real_mask_of_twice_the_resolution(shared_data: Path, tmp_path: Path) -> None:
    for name in ("3DCT_lung_baseline_small.mha", "3DCT_lung_baseline_mask.mha"):
        (tmp_path / name).write_bytes((shared_data / "mismatched_grids" / name).read_bytes())
    line = "P1,3DCT_lung_baseline_small.mha,3DCT_lung_baseline_mask.mha"
    folder = table(tmp_path, "case,image,mask:r1:lung", line)
    with pytest.raises(ConversionError, match="on another grid: size 115 x 157 x 129"):
        labels_of(only_case(folder))
    fine = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "3DCT_lung_baseline_mask.mha")))
    labels = labels_of(only_case(folder, resampled=True))
    assert (labels == 1).sum() * 8 == pytest.approx(fine.sum(), rel=0.02)


def test_sample_is_described_by_its_own_files(tmp_path: Path) -> None:
    make_sample(tmp_path)
    assert describe(tmp_path).labels == {"background": 0, "right_lung": 1, "left_lung": 2, "tumour": 3}
    first, second = list_cases(tmp_path)
    assert list(first.images) == ["LK", "MK"]
    assert second.annotated_slices == {"reader1": (3, 5, 6, 7)}
    assert read_manifest(tmp_path, dataset="manifest").faults == ()
