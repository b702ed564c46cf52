"""Images that are listed where they lie: the user's files are read, hashed and never touched."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from toy_dataset import Convert, files_below, make_case, make_image

from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage
from dataset_converters.volumes.nifti import sha256_of, write_nifti

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A NIfTI image of the user's, in a folder of its own, called as no output may be."""
    path = tmp_path / "source" / "hospital" / "Doe_John_19500101.nii.gz"
    write_nifti(path, make_image(1))
    return path


def linked_case(source: Path, name: str = "P1", **changes: object) -> Case:
    """LK lies in the source as NIfTI, MK does not."""
    images = {"LK": lambda: CtImage(make_image(1), {}, source), "MK": lambda: CtImage(make_image(2), {})}
    return make_case(name, **{"images": images, **changes})


def described(folder: Path) -> tuple[dict, dict]:
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    cases = json.loads((folder.parents[1] / "annotations" / folder.name / "cases.json").read_text(encoding="utf-8"))
    return content, cases


def test_a_source_that_holds_the_image_is_listed_and_not_copied(run_with: Convert, source: Path) -> None:
    before = {path: (path.read_bytes(), path.stat()) for path in source.parent.iterdir()}
    folder = run_with(linked_case(source), link=True)
    assert {path: (path.read_bytes(), path.stat()) for path in source.parent.iterdir()} == before
    assert [path.name for path in (folder / "imagesTr").iterdir()] == ["P1-MK_0000.nii.gz"]
    content, cases = described(folder)
    assert content["dataset"]["P1-LK"] == {"images": [str(source)], "label": "labels/P1.nii.gz"}
    assert content["dataset"]["P1-MK"]["images"] == ["imagesTr/P1-MK_0000.nii.gz"]
    assert content["provenance"]["linked"] == {str(source): sha256_of(source)}
    variants = cases["cases"][0]["variants"]
    assert variants["LK"] == {"image": str(source), "sha256": sha256_of(source), "linked": True, "facts": {}}
    assert "linked" not in variants["MK"]
    assert any("1 images are source files, listed by their paths" in note for note in cases["notes"])
    annotations = folder.parents[1] / "annotations" / folder.name
    assert check_nnunet_raw(folder, annotations=annotations) == []


def test_nnunet_finds_linked_images_and_shared_labels(run_with: Convert, source: Path) -> None:
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    folder = run_with(linked_case(source), link=True)
    assert not (folder / "labelsTr").exists(), "nnUNetv2_find_best_configuration wants one file an image there"
    label = str(folder / "labels/P1.nii.gz")
    assert get_filenames_of_train_images_and_targets(str(folder)) == {
        "P1-LK": {"images": [str(source)], "label": label},
        "P1-MK": {"images": [str(folder / "imagesTr/P1-MK_0000.nii.gz")], "label": label},
    }


def test_images_without_annotation_are_linked_too(run_with: Convert, source: Path) -> None:
    folder = run_with(make_case("P1"), linked_case(source, "P2", annotations={}, role="test"), link=True)
    assert described(folder)[0]["unlabelled"]["P2-LK"] == {"images": [str(source)]}
    assert [path.name for path in (folder / "imagesTs").iterdir()] == ["P2-MK_0000.nii.gz"]
    assert check_nnunet_raw(folder) == []


def test_a_linked_image_that_changed_is_an_error_and_converted_again(run_with: Convert, source: Path) -> None:
    folder = run_with(linked_case(source), link=True)
    write_nifti(source, make_image(3))
    (finding,) = check_nnunet_raw(folder)
    assert finding.severity == "error"
    assert "linked image a .nii.gz file with SHA-256" in finding.found
    assert "Doe" not in str(finding)
    run_with(linked_case(source), link=True)
    assert "P1-LK_0000.nii.gz" in {path.name for path in (folder / "imagesTr").iterdir()}, "it holds another image now"
    write_nifti(source, make_image(1))
    run_with(linked_case(source), link=True)
    assert [path.name for path in (folder / "imagesTr").iterdir()] == ["P1-MK_0000.nii.gz"]
    source.unlink()
    assert "P1-LK: found a .nii.gz file: No such file" in str(check_nnunet_raw(folder)[0])


def test_links_are_a_choice_and_change_nothing_else(run_with: Convert, source: Path, tmp_path: Path) -> None:
    folder = run_with(linked_case(source))
    assert sorted(path.name for path in (folder / "imagesTr").iterdir()) == ["P1-LK_0000.nii.gz", "P1-MK_0000.nii.gz"]
    copied = files_below(tmp_path / "run")
    run_with(linked_case(source), link=True)
    run_with(linked_case(source))
    assert files_below(tmp_path / "run") == copied
    assert "Doe" not in b"".join(copied.values()).decode("latin-1")


def _shifted(image: sitk.Image) -> sitk.Image:
    image.SetOrigin((0, 0, 0))
    return image


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ct.nii.gz", lambda image: image + 1),
        ("ct.nii.gz", _shifted),
        ("ct.nii.gz", lambda image: sitk.Cast(image, sitk.sitkFloat32) + 0.5),
        ("ct.nii", lambda image: image),
        ("$HOME.nii.gz", lambda image: image),
        ("ct\udcff.nii.gz", lambda image: image),
    ],
)
def test_what_nnunet_would_read_otherwise_is_copied(
    run_with: Convert, tmp_path: Path, name: str, change: Callable[[sitk.Image], sitk.Image]
) -> None:
    source = tmp_path / "source" / "hospital" / "ct.nii.gz"
    write_nifti(source, change(make_image(1)))
    source = source.rename(source.with_name(name))
    folder = run_with(linked_case(source), link=True)
    assert described(folder)[0]["dataset"]["P1-LK"]["images"] == ["imagesTr/P1-LK_0000.nii.gz"]
    written = sitk.ReadImage(str(folder / "imagesTr/P1-LK_0000.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(make_image(1)))


def test_a_damaged_source_is_copied_from_what_was_loaded(run_with: Convert, source: Path) -> None:
    source.write_bytes(source.read_bytes()[:-9])
    folder = run_with(linked_case(source), link=True)
    assert check_nnunet_raw(folder) == []
    assert described(folder)[0]["dataset"]["P1-LK"]["images"] == ["imagesTr/P1-LK_0000.nii.gz"]


def test_a_case_that_fails_later_leaves_the_source_alone(run_with: Convert, source: Path) -> None:
    def fail() -> CtImage:
        raise ValueError(str(source))

    images = {"LK": lambda: CtImage(make_image(1), {}, source), "MK": fail}
    with pytest.raises(ConversionError, match="P1: found ValueError") as caught:
        run_with(make_case("P1", images=images), link=True)
    assert "Doe" not in str(caught.value)
    assert source.exists()
    run_with(linked_case(source), link=True)
    run_with(make_case("P2"), link=True)
    assert source.exists(), "a case that is gone takes only its own files with it"


def test_a_relative_source_becomes_an_absolute_path(
    run_with: Convert, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    folder = run_with(linked_case(Path(source.name)), link=True)
    assert described(folder)[0]["dataset"]["P1-LK"]["images"] == [os.path.abspath(source)]
