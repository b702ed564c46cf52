import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.__main__ import main
from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.datasets import dicom_pairs
from dataset_converters.dicom.headers import find_dicom_files
from dataset_converters.dicom.series import load_dicom_series, read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.kernels.pair import find_kernel_pair
from dataset_converters.kernels.pair_table import list_pairs
from dataset_converters.volumes.nifti import write_nifti
from dataset_converters.writing.writer import convert


@pytest.fixture
def root(tmp_path) -> Path:
    dicom_pairs.make_sample(tmp_path)
    return tmp_path


def _edit(folder: Path, **values) -> None:
    for path in sorted(folder.glob("*.dcm")):
        file = pydicom.dcmread(path)
        for keyword, value in values.items():
            setattr(file, keyword, value(file) if callable(value) else value)
        file.save_as(path)


def test_sample_has_two_kernels_two_readers_roles_and_slices(root: Path) -> None:
    cases = dicom_pairs.list_cases(root)
    assert [(c.case, c.role, dict(c.annotated_slices)) for c in cases] == [
        ("P01", "train", {}),
        ("P02", "test", {"reader1": (3, 5)}),
    ]
    for case in cases:
        lung, soft = case.images["LK"](), case.images["MK"]()
        assert (lung.facts["kernel"], lung.facts["kernel_class"]) == ("L", "sharp")
        assert (soft.facts["kernel"], soft.facts["kernel_class"]) == ("B", "soft")
        noise = [sitk.GetArrayFromImage(ct.image)[0].std() for ct in (lung, soft)]
        assert noise[0] == pytest.approx(60, rel=0.2)
        assert noise[1] == pytest.approx(15, rel=0.2)
        masks = [sitk.GetArrayFromImage(case.annotations[r](soft.image)) for r in ("reader1", "reader2")]
        assert masks[0].sum() > masks[1].sum() > 0
        assert (masks[0] >= masks[1]).all()


def test_tables_are_optional(root: Path) -> None:
    (root / "patients.csv").unlink()
    (root / "annotated_slices.csv").unlink()
    assert [(c.role, dict(c.annotated_slices)) for c in dicom_pairs.list_cases(root)] == [("", {}), ("", {})]


def test_slices_count_from_the_feet_also_where_the_array_runs_down(root: Path) -> None:
    for kernel in ("lung", "soft"):
        _edit(root / "P02" / kernel, ImageOrientationPatient=["1", "0", "0", "0", "-1", "0"])
    case = dicom_pairs.list_cases(root)[1]
    assert case.annotated_slices["reader1"] == (2, 4)  # 8 slices: 7 - 5, 7 - 3
    image = case.images["LK"]().image
    heights = [image.TransformIndexToPhysicalPoint((0, 0, z))[2] for z in (2, 4)]
    assert heights == pytest.approx([-300 + 5 * 3, -300 + 3 * 3])


def test_kernel_that_is_medium_is_listed_and_can_be_classed_by_the_user(root: Path, tmp_path_factory) -> None:
    _edit(root / "P01" / "lung", ConvolutionKernel="D")
    with pytest.raises(
        ConversionError, match=r"P01: found .*Philips kernel D \(medium, 8 slices every 3 mm\).*kernel_table"
    ):
        dicom_pairs.list_cases(root)
    table = tmp_path_factory.mktemp("table") / "mine.toml"
    table.write_text('[philips]\nsharp = ["D"]\n')
    case = dicom_pairs.list_cases(root, kernel_table=str(table))[0]
    assert case.images["LK"]().facts["kernel"] == "D"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ConvolutionKernel": "XX"}, r"Philips kernel unlisted \(unknown, 8 slices.*kernel_table"),
        ({"Manufacturer": "CMS Inc."}, r"unlisted manufacturer kernel L \(unknown"),
        ({"ConvolutionKernel": "A"}, r"kernel A \(soft, 8 slices every 3 mm\).*wanted 1 sharp and 1 soft"),
        ({"ImageType": ["DERIVED", "SECONDARY", "LOCALIZER"]}, "wanted 1 sharp and 1 soft"),
        ({"FrameOfReferenceUID": "1.2.3"}, "two frames of reference"),
        ({"KVP": "100"}, "tube voltage 100 and 120 kV"),
        ({"PixelSpacing": ["0.8", "0.81"]}, "other_grid=transfer"),
        (
            {"ImagePositionPatient": lambda f: [*f.ImagePositionPatient[:2], str(f.ImagePositionPatient[2] + 1)]},
            "voxels up to 1 mm away.*other_grid=transfer",
        ),
    ],
)
def test_pair_that_is_none_is_refused(root: Path, values: dict, message: str) -> None:
    _edit(root / "P01" / "lung", **values)
    with pytest.raises(ConversionError, match=rf"(?s)^dicom_pairs: P01: found .*{message}"):
        dicom_pairs.list_cases(root)


def test_faults_of_several_patients_come_together(root: Path) -> None:
    for patient in ("P01", "P02"):
        (root / patient / "lung" / "000003.dcm").unlink()
    with pytest.raises(ExceptionGroup) as caught:
        dicom_pairs.list_cases(root)
    assert [e.case for e in caught.value.exceptions] == ["P01", "P02"]


def test_folder_name_that_may_be_a_person_is_refused_and_not_quoted(root: Path) -> None:
    (root / "P01").rename(root / "Doe, Jane")
    with pytest.raises(ConversionError, match="number 1 of 2") as caught:
        dicom_pairs.list_cases(root)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        (
            "patients.csv",
            "patient,role\nP01,train\n",
            "P02: found no role",
        ),
        (
            "patients.csv",
            "patient,role\nP01,train\nP01,test\nP02,test\n",
            "P01: found roles train and test",
        ),
        (
            "patients.csv",
            "patient,role\nP01,train\nP02,exam\n",
            "P02: found another role; wanted train or test",
        ),
        ("patients.csv", "patient,role\nP01,train\nP02,test\nP03,test\n", "1 patients without a folder"),
        ("patients.csv", "id,role\nP01,train\n", "no columns patient; wanted columns patient, role"),
        ("annotated_slices.csv", "patient,reader,slice\nP02,reader1,8\n", "slices 8 to 8 of reader1.*wanted 0 to 7"),
        ("annotated_slices.csv", "patient,reader,slice\nP02,reader1,-1\n", "a slice that is no number"),
    ],
)
def test_faulty_table_is_refused(root: Path, table: str, content: str, message: str) -> None:
    (root / table).write_text(content)
    with pytest.raises(ConversionError, match=message):
        dicom_pairs.list_cases(root)


def _mask(image: sitk.Image, value: float, spacing_mm: tuple[float, ...] | None = None) -> sitk.Image:
    mask = sitk.GetImageFromArray(np.full(image.GetSize()[::-1], value, np.float32))
    mask.CopyInformation(image)
    if spacing_mm:
        mask.SetSpacing(spacing_mm)
    return mask


@pytest.mark.parametrize(
    ("value", "spacing_mm", "message"),
    [
        (2, None, "reader1.nii.gz with values 2"),
        (float("nan"), None, "with values nan"),
        (1, (0.8, 0.8, 3.1), "reader1.nii.gz on another grid"),
    ],
)
def test_faulty_mask_is_refused(root: Path, value: float, spacing_mm, message: str) -> None:
    case = dicom_pairs.list_cases(root)[0]
    image = case.images["LK"]().image
    write_nifti(root / "P01" / "annotations" / "reader1.nii.gz", _mask(image, value, spacing_mm))
    with pytest.raises(ConversionError, match=f"dicom_pairs: P01: found {message}|{message}"):
        case.annotations["reader1"](image)


def _with_other_grid(root: Path) -> None:
    """Give the mediastinal series of P02 every second slice, two pixels less on each side."""
    for path in sorted((root / "P02" / "soft").glob("*.dcm")):
        file = pydicom.dcmread(path)
        height = float(file.ImagePositionPatient[2]) + 300
        if round(height / 3) % 2:
            path.unlink()
            continue
        pixels = file.pixel_array[2:-2, 2:-2]
        x, y, z = (float(v) for v in file.ImagePositionPatient)
        file.ImagePositionPatient = [str(x + 1.6), str(y + 1.6), str(z)]
        file.Rows, file.Columns, file.PixelData = *pixels.shape, pixels.tobytes()
        file.save_as(path)


def test_pair_on_two_grids_becomes_two_cases_of_the_patient_if_asked(root: Path) -> None:
    _with_other_grid(root)
    with pytest.raises(ConversionError, match="P02: found a pair whose soft series has size 16 x 14 x 4"):
        dicom_pairs.list_cases(root)
    cases = dicom_pairs.list_cases(root, other_grid="transfer")
    assert [(c.patient, c.case, list(c.images), c.role) for c in cases] == [
        ("P01", "P01", ["LK", "MK"], "train"),
        ("P02", "P02", ["LK"], "test"),
        ("P02", "P02_MK", ["MK"], "test"),
    ]
    first, second = cases[1:]
    own = sitk.GetArrayFromImage(first.annotations["reader2"](first.images["LK"]().image))
    moved = sitk.GetArrayFromImage(second.annotations["reader2"](second.images["MK"]().image))
    assert own.sum() > 0
    assert np.array_equal(moved, own[::2, 2:-2, 2:-2])
    annotated = sitk.GetArrayFromImage(second.annotations["reader1"](second.images["MK"]().image))
    assert second.annotated_slices == {}  # reader1 drew slices 3 and 5, which this series does not have
    assert [np.unique(plane).tolist() for plane in annotated] == [[255]] * 4


def test_converted_pair_on_two_grids_leaves_what_is_not_covered_to_nnunet_s_ignore_label(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _with_other_grid(root)
    for table in ("patients.csv", "annotated_slices.csv"):
        (root / table).unlink()
    write_nifti(root / "P02" / "annotations" / "reader1.nii.gz", _mask(_soft_image(root), 1))
    options = {"other_grid": "transfer", "annotated": "MK"}
    (root / "P02" / "annotations" / "reader2.dcm").unlink()
    folder = convert("dicom_pairs", root, tmp_path_factory.mktemp("run"), options=options)
    content = json.loads((folder / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "disease": 1, "ignore": 2}
    label = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / content["dataset"]["P02_LK-LK"]["label"])))
    assert (label[:, 2:-2, 2:-2] == 1).all()  # also the last slice, at 21 mm: the edge of the one at 18 mm
    assert (label[:, :2] == 2).all()
    assert np.unique(label).tolist() == [1, 2]


def _grades(root: Path, **options) -> list[object]:
    return [case.covariates["same_acquisition"] for case in dicom_pairs.list_cases(root, **options)]


def test_evidence_of_one_acquisition_is_recorded(root: Path) -> None:
    assert _grades(root) == ["strong", "strong"]
    _edit(root / "P01" / "soft", AcquisitionNumber="")
    assert _grades(root) == ["fair", "strong"]


@pytest.mark.parametrize("blank", ["StudyInstanceUID", "FrameOfReferenceUID"])
def test_weak_evidence_is_refused_unless_allowed_and_then_noted(
    root: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], blank: str
) -> None:
    for name, reader in (("P01", "reader2.dcm"), ("P02", "reader2.dcm")):
        (root / name / "annotations" / reader).unlink()  # contours need the frame of reference
    (root / "annotated_slices.csv").unlink()
    _edit(root / "P01" / "soft", **{blank: ""})
    with pytest.raises(ConversionError, match=r"P01: found a pair with weak evidence of one acq.*evidence=weak"):
        dicom_pairs.list_cases(root)
    assert [row.verdict for row in list_pairs(root, table=load_kernel_table())] == ["pair, weak evidence", "pair"]
    assert _grades(root, evidence="weak") == ["weak", "strong"]
    run = tmp_path_factory.mktemp("run")
    command = ["convert", "dicom_pairs", str(root), "--option", "evidence=weak"]
    assert main([*command, "--dry-run"]) == 0
    note = "note: 1 cases (P01) with weak evidence of one acquisition"
    assert note in capsys.readouterr().out
    assert main([*command, "--out", str(run)]) == 0
    assert note in capsys.readouterr().err
    notes = json.loads((run / "annotations/Dataset730_dicom_pairs/cases.json").read_text())["notes"]
    assert any("(P01) with weak evidence" in text for text in notes)


def test_annotation_of_the_other_kernel_reaches_as_far_as_that_series(root: Path) -> None:
    _with_other_grid(root)
    write_nifti(root / "P02" / "annotations" / "reader1.nii.gz", _mask(_soft_image(root), 1))
    (root / "annotated_slices.csv").write_text("patient,reader,slice\nP02,reader1,1\n")
    case = dicom_pairs.list_cases(root, other_grid="transfer", annotated="MK")[-1]
    assert (case.case, list(case.images)) == ("P02_LK", ["LK"])
    values = sitk.GetArrayFromImage(case.annotations["reader1"](case.images["LK"]().image))
    assert values.shape == (8, 18, 20)
    inside = values[:, 2:-2, 2:-2]
    # slices 6 mm thick at 0, 6, 12, 18 mm, the one at 6 mm annotated; on the border the upper one counts
    assert [np.unique(plane).tolist() for plane in inside] == [[255], [1], [1]] + [[255]] * 5
    assert (np.delete(values, np.s_[2:-2], axis=2) == 255).all()


def _soft_image(root: Path) -> sitk.Image:
    return read_dicom_series(root / "P02" / "soft", dataset="test", case="P02").image


def test_masks_of_other_formats_and_grids(root: Path) -> None:
    folder = root / "P01" / "annotations"
    case = dicom_pairs.list_cases(root)[0]
    image = case.images["LK"]().image
    drawn = case.annotations["reader1"](image)
    sitk.WriteImage(drawn, str(folder / "reader3.mha"))
    sitk.WriteImage(drawn, str(folder / "reader4.mhd"))
    half = sitk.Resample(
        drawn,
        [s * 2 for s in drawn.GetSize()],
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
        drawn.GetOrigin(),
        [s / 2 for s in drawn.GetSpacing()],
        drawn.GetDirection(),
    )
    sitk.WriteImage(half, str(folder / "reader5.nrrd"))
    case = dicom_pairs.list_cases(root, mask_grid="resample")[0]
    assert list(case.annotations) == ["reader1", "reader2", "reader3", "reader4", "reader5"]
    wanted = sitk.GetArrayFromImage(drawn)
    for reader in ("reader3", "reader4", "reader5"):
        assert np.array_equal(sitk.GetArrayFromImage(case.annotations[reader](image)), wanted)
    with pytest.raises(ConversionError, match="on another grid"):
        dicom_pairs.list_cases(root)[0].annotations["reader5"](image)


@pytest.mark.parametrize("option", ["other_grid", "transfer", "annotated", "tilt", "mask_grid", "evidence"])
def test_option_without_such_a_choice_is_refused(root: Path, option: str) -> None:
    with pytest.raises(ConversionError, match=f"option {option} = 'maybe'"):
        dicom_pairs.list_cases(root, **{option: "maybe"})


def test_hash_of_the_kernel_table_is_recorded(root: Path, tmp_path_factory) -> None:
    table = tmp_path_factory.mktemp("table") / "mine.toml"
    table.write_text('[philips]\nsharp = ["D"]\n')
    hashes = {dicom_pairs.list_cases(root, kernel_table=t)[0].covariates["kernel_table_sha256"] for t in ("", table)}
    assert hashes == {load_kernel_table().sha256, load_kernel_table(table).sha256}
    assert len(hashes) == 2


def test_truncated_mask_and_stray_files(root: Path) -> None:
    path = root / "P01" / "annotations" / "reader1.nii.gz"
    case = dicom_pairs.list_cases(root)[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ConversionError, match=r"reader1\.nii\.gz: a truncated or damaged gzip stream"):
        case.annotations["reader1"](case.images["LK"]().image)
    (root / "P01" / "annotations" / "notes.txt").write_text("")
    with pytest.raises(ConversionError, match=r"annotations/file 1 of 3 \(sorted by name\); wanted one <reader>"):
        dicom_pairs.list_cases(root)


def test_other_roi_name(root: Path) -> None:
    case = dicom_pairs.list_cases(root, roi="lesion")[0]
    with pytest.raises(ConversionError, match="no ROI lesion among disease"):
        case.annotations["reader2"](case.images["LK"]().image)


def test_real_pair_of_one_acquisition(lung_dx_root: Path) -> None:
    files = find_dicom_files(lung_dx_root)
    sharp, soft = find_kernel_pair(files, table=load_kernel_table(), dataset="demo", case="A0001")
    assert (sharp.facts["kernel"], soft.facts["kernel"]) == ("L", "B")
    assert sharp.size_xyz == soft.size_xyz == (512, 512, 64)
    noise = []
    for series in (sharp, soft):
        array = sitk.GetArrayFromImage(load_dicom_series(series).image).astype(np.float32)
        tissue = (array > -100) & (array < 150)
        noise.append(np.diff(array, axis=2)[tissue[:, :, 1:] & tissue[:, :, :-1]].std())
    assert noise[0] > 1.5 * noise[1]


def test_segmentation_object_is_a_reader_too(root: Path) -> None:
    case = dicom_pairs.list_cases(root)[0]
    image = case.images["LK"]().image
    drawn = case.annotations["reader1"](image)
    frame = str(pydicom.dcmread(next((root / "P01" / "lung").glob("*.dcm"))).FrameOfReferenceUID)
    write_seg(root / "P01" / "annotations" / "reader3.dcm", {"disease": drawn}, frame_of_reference=frame)
    case = dicom_pairs.list_cases(root)[0]
    read = case.annotations["reader3"](image)
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(drawn))
