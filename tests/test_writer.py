import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_dataset import Convert, files_below, make_annotation, make_case, make_image

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.records import CtImage
from dataset_converters.volumes.nifti import read_nifti, sha256_of, write_nifti

pytestmark = pytest.mark.filterwarnings("error")


def listing(run: Path) -> dict:
    return json.loads((run / "annotations" / "Dataset790_toy" / "cases.json").read_text(encoding="utf-8"))


def one_image(**changes: object) -> dict:
    return {"images": {"LK": lambda: CtImage(make_image(1, **changes), {})}}


def altered(change: Callable[[sitk.Image], object]) -> dict:
    """One variant whose image was changed in place, or replaced by what the change returns."""

    def load() -> CtImage:
        image = make_image(1)
        result = change(image)
        return CtImage(result if isinstance(result, sitk.Image) else image, {})

    return {"images": {"LK": load}}


def test_layout_and_contents(run_with: Convert, tmp_path: Path) -> None:
    case = make_case("P1", role="train", covariates={"fvc": 81.5, "dlco": float("nan"), "sex": "female"})
    folder = run_with(case, make_case("P2"), make_case("P3", role="test"))
    run = tmp_path / "run"
    assert folder == run / "nnUNet_raw" / "Dataset790_toy"
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    assert content["channel_names"] == {"0": "CT"}
    assert content["labels"] == {"background": 0, "tumour": 1}
    assert content["numTraining"] == 6
    assert content["overwrite_image_reader_writer"] == "NibabelIO"
    entry = listing(run)["cases"][0]
    assert entry["covariates"] == {"fvc": 81.5, "dlco": None, "sex": "female"}
    assert entry["variants"]["LK"]["image"] == "nnUNet_raw/Dataset790_toy/imagesTr/P1-LK_0000.nii.gz"
    assert entry["variants"]["LK"]["facts"] == {"kernel": "B70f"}
    assert entry["readers"]["reader1"]["annotated_slices"] is None
    for name, value in content["provenance"]["files"].items():
        assert sha256_of(folder / name) == value
    for part in (entry["variants"]["LK"], entry["variants"]["MK"]):
        assert sha256_of(run / part["image"]) == part["sha256"]
    assert sorted(path.name for path in (folder / "labels").iterdir()) == ["P1.nii.gz", "P2.nii.gz", "P3.nii.gz"]
    assert entry["label"] == "nnUNet_raw/Dataset790_toy/labels/P1.nii.gz"
    assert list(content["dataset"]) == [f"P{n}-{variant}" for n in (1, 2, 3) for variant in ("LK", "MK")]
    assert content["dataset"]["P1-MK"] == {"images": ["imagesTr/P1-MK_0000.nii.gz"], "label": "labels/P1.nii.gz"}
    assert "unlabelled" not in content
    assert listing(run)["notes"] == []


def test_image_and_label_read_back_in_itk_as_they_were(run_with: Convert) -> None:
    folder = run_with(make_case("P1"))
    written = sitk.ReadImage(str(folder / "imagesTr" / "P1-LK_0000.nii.gz"))
    label = sitk.ReadImage(str(folder / "labels" / "P1.nii.gz"))
    wanted = make_image(1)
    assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(wanted))
    assert written.GetOrigin() == pytest.approx(wanted.GetOrigin(), abs=1e-4)
    assert written.GetSpacing() == pytest.approx(wanted.GetSpacing(), rel=1e-6)
    assert written.GetDirection() == pytest.approx(wanted.GetDirection(), abs=1e-6)
    assert label.GetOrigin() == written.GetOrigin()
    assert label.GetDirection() == written.GetDirection()
    assert sitk.GetArrayFromImage(label).sum() == 2 * 2 * 3


@settings(max_examples=25, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 5.0)] * 3),
    origin=st.tuples(*[st.floats(-2000, 2000)] * 3),
)
def test_any_orientation_survives_the_file(tmp_path_factory: pytest.TempPathFactory, angles, spacing, origin) -> None:
    image = make_image()
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix())
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    path = tmp_path_factory.mktemp("nifti") / "x.nii.gz"
    write_nifti(path, image)
    corner = tuple(size - 1 for size in image.GetSize())
    wanted = image.TransformIndexToPhysicalPoint(corner)
    assert sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint(corner) == pytest.approx(wanted, abs=2e-3)
    assert (read_nifti(path).grid.affine_lps @ (*corner, 1))[:3] == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize(
    ("changes", "found", "wanted"),
    [
        (one_image(dtype="float64"), "variant LK: 64-bit float", "int16 or float32 HU"),
        (altered(lambda image: image[:, :, 0]), "variant LK: 2-D", "one 3-D volume"),
        (
            altered(lambda image: image.SetDirection((1, 0.2, 0, 0, 1, 0, 0, 0, 1))),
            "from orthonormal",
            "orthonormal axes",
        ),
        (altered(lambda image: image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))), "left-handed", "right-handed"),
        (altered(lambda image: sitk.Cast(image / 0.0, sitk.sitkFloat32)), "variant LK: 210 voxels of NaN", "finite HU"),
        (
            {
                "images": {
                    "LK": lambda: CtImage(make_image(1), {}),
                    "MK": lambda: CtImage(make_image(spacing_mm=(1, 1, 3)), {}),
                }
            },
            "variant MK: size 6 x 7 x 5 (x, y, z), spacing 1 x 1 x 3 mm",
            "spacing 0.8 x 0.9 x 3 mm",
        ),
        ({"annotations": {"r": lambda grid: make_annotation(grid, value=7)}}, "labels 7 (12 voxels)", "'tumour': 1"),
        (
            {"annotations": {"r": lambda grid: make_annotation(grid)[1:]}},
            "annotation of r: size 5 x 7 x 5",
            "size 6 x 7 x 5",
        ),
        (
            {"annotations": {"r": lambda grid: make_annotation(make_image(spacing_mm=(0.8, 0.9, 3.1)))}},
            "3.1 mm",
            "3 mm",
        ),
        (
            {"annotations": {"r": lambda grid: sitk.Cast(make_annotation(grid), sitk.sitkInt32)}},
            "3-D 32-bit",
            "3-D uint8",
        ),
        ({"annotated_slices": {"reader1": (0, 5)}}, "annotated slices [5]", "0 to 4"),
        ({"annotated_slices": {"reader1": (3, 4)}}, "on none of annotated_slices", "count from 0"),
        ({"annotated_slices": {"reader2": (3,)}}, "annotated slices of 'reader2'", "readers among reader1"),
        ({"annotated_slices": {"reader1": ()}}, "slices () of 'reader1'", "slice numbers"),
        ({"annotations": {}}, "no annotation", "exclude the case with a reason"),
        ({"annotations": {}, "role": "train"}, "no annotation", "images alone: role 'test'"),
        ({"images": {}}, "no image", "LK, MK"),
        ({"images": {"XK": lambda: CtImage(make_image(), {})}}, "variant 'XK'", "one of LK, MK"),
        ({"role": "validation"}, "role 'validation'", "'train', 'test' or ''"),
        (
            {"images": {"LK": lambda: CtImage(make_image(), {"patient_name": "x"})}},
            "a fact 'patient_name'",
            "safe to keep",
        ),
        (
            {"images": {"LK": lambda: CtImage(make_image(), {"kernel": "1.2.840.113619.2.55"})}},
            "unique identifier",
            "nobody",
        ),
        ({"images": {"LK": lambda: CtImage(make_image(), {"kernel": "B30f 20150312"})}}, "like a date", "nobody"),
    ],
)
def test_bad_case_is_refused_by_name_and_leaves_nothing(
    run_with: Convert, tmp_path: Path, changes: dict, found: str, wanted: str
) -> None:
    with pytest.raises(ConversionError) as caught:
        run_with(make_case("P1"), make_case("P2", **changes))
    message = str(caught.value)
    assert message.startswith("toy: P2")
    assert found in message
    assert wanted in message
    assert [
        name for name in files_below(tmp_path) if "P2" in name or name.endswith(("dataset.json", "cases.json"))
    ] == []


def test_identifiers_that_could_escape_are_refused_and_not_shown(run_with: Convert, tmp_path: Path) -> None:
    for change in ({"case": "../../Doe"}, {"patient": "Doe^John"}, {"images": {"a/b": make_case().images["LK"]}}):
        with pytest.raises(ConversionError, match=r"case 1 of the list: found a .* name with the characters") as caught:
            run_with(replace(make_case("P1"), **change))
        assert "Doe" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["more_datasets"]


def test_faults_of_several_cases_come_together(run_with: Convert, tmp_path: Path) -> None:
    broken = {"annotations": {"r": lambda grid: make_annotation(grid, value=3)}}

    def fail() -> CtImage:
        raise ValueError("codec missing")

    with pytest.raises(ConversionErrors) as caught:
        run_with(make_case("P1"), make_case("P2", **broken), make_case("P3", images={"LK": fail}))
    lines = str(caught.value).splitlines()
    assert lines[0] == "toy: 2 faults; nothing is lost, repair them and run again:"
    assert lines[1].startswith("  toy: P2: found annotation of r: labels 3 (12 voxels); wanted")
    assert "  toy: P3: found ValueError (case_writer.py, line" in lines[2]
    assert "test_writer.py, line" in lines[2]
    assert "codec missing" not in lines[2], "texts of libraries quote what files hold"
    assert len(caught.value.exceptions) == 2
    assert (tmp_path / "run/annotations/Dataset790_toy/records/P1.json").exists(), "finished cases are kept"


def test_lists_of_cases_that_contradict_themselves(run_with: Convert) -> None:
    with pytest.raises(ConversionError, match="p1: found 2 cases of this name"):
        run_with(make_case("P1"), make_case("p1"))
    with pytest.raises(ConversionError, match="patient P1: found patient in train and test; wanted one role"):
        run_with(make_case("P1", role="train"), make_case("P1b", patient="P1", role="test"))
    with pytest.raises(ConversionError, match="toy: found no cases"):
        run_with()
    with pytest.raises(ConversionError, match="P1: found readers reader1; wanted the training reader 'reader9'"):
        run_with(make_case("P1"), training_reader="reader9")


def test_exclusions_are_recorded_and_unknown_ones_refused(run_with: Convert, tmp_path: Path) -> None:
    cases = make_case("P1"), make_case("P2", annotations={}), make_case("P3")
    run_with(*cases, exclude={"P2": "no annotation"})
    assert listing(tmp_path / "run")["excluded"] == {"P2": "no annotation"}
    assert [case["case"] for case in listing(tmp_path / "run")["cases"]] == ["P1", "P3"]
    with pytest.raises(ConversionErrors) as caught:
        run_with(*cases, exclude={"P9": "typo"})
    assert "an exclusion of 'P9', which is no case; wanted one of P1, P2, P3" in str(caught.value)
    with pytest.raises(ConversionError, match="an exclusion without a reason"):
        run_with(*cases, exclude={"P2": " "})


def test_the_description_of_a_folder_decides_labels_and_variants(run_with: Convert, toy, monkeypatch) -> None:
    def describe(root: Path, *, depth: int = 5):
        labels = {"background": 0, **{f"part{n}": n for n in range(1, depth)}}
        return replace(toy.DATASET, labels=labels, variants={"LK": "native", "MK": "emulated"})

    monkeypatch.setattr(toy, "describe", describe, raising=False)
    case = make_case("P1", annotations={"r": lambda grid: make_annotation(grid, value=3)})
    folder = run_with(case, options={"depth": 4})
    assert list(json.loads((folder / "dataset.json").read_text())["labels"]) == [
        "background",
        "part1",
        "part2",
        "part3",
    ]
    with pytest.raises(ConversionError, match="labels 3 "):
        run_with(case, options={"depth": 3})


def test_the_kernel_table_in_use_is_recorded_by_its_hash(run_with: Convert, toy, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toy, "DATASET", replace(toy.DATASET, options={"kernel_table": "a TOML file"}))
    table = tmp_path / "table.toml"
    table.write_text('[siemens]\nsharp = ["B45"]\n')
    hashes = []
    for options in ({}, {"kernel_table": str(table)}):
        folder = run_with(make_case("P1"), options=options)
        hashes.append(json.loads((folder / "dataset.json").read_text())["provenance"]["kernel_table"])
    assert hashes == [load_kernel_table(path).sha256 for path in (None, table)]
    assert hashes[0] != hashes[1]


def test_options_are_checked_and_passed(run_with: Convert, tmp_path: Path) -> None:
    run_with(make_case("P1"), options={"depth": 7})
    assert listing(tmp_path / "run")["options"] == {"depth": 7}
    with pytest.raises(ConversionError, match=r"option 'dept'; wanted one of its options .depth: number of slices"):
        run_with(make_case("P1"), options={"dept": 7})
