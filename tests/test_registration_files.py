"""Warp files, case files, templates, energies and votes."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from test_registration_laws import SPACING, chest, small_warp

from dataset_converters.errors import ConversionError
from dataset_converters.registration.case_files import unwarp_label_file, warp_files
from dataset_converters.registration.energies import pairwise_energies
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.majority import majority_vote
from dataset_converters.registration.quality import dice
from dataset_converters.registration.templates import choose_templates, named_templates
from dataset_converters.registration.warp_file import load_warp, save_warp
from dataset_converters.volumes.nifti import write_nifti


def test_a_warp_survives_its_file(tmp_path: Path) -> None:
    warp = small_warp(1, 2.0)
    save_warp(tmp_path / "w.npz", warp, facts={"quality": {"status": "done"}})
    loaded, facts = load_warp(tmp_path / "w.npz")
    labels = np.random.default_rng(0).integers(0, 4, warp.case.shape).astype(np.uint8)
    assert np.array_equal(loaded.warp_labels(labels), warp.warp_labels(labels))
    assert (loaded.case, loaded.template, loaded.working) == (warp.case, warp.template, warp.working)
    assert facts == {"quality": {"status": "done"}}
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


def test_a_damaged_warp_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    with pytest.raises(RegistrationError, match=r"warp file w.npz: found no file; .*register the case again"):
        load_warp(path)
    save_warp(path, small_warp(1, 2.0))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RegistrationError, match="BadZipFile"):
        load_warp(path)
    with np.load(_written(path, whole)) as content:
        arrays = dict(content)
    arrays["forward"] = arrays["forward"] + np.float32(0.01)
    np.savez_compressed(path, **arrays)
    with pytest.raises(RegistrationError, match="does not match its hash"):
        load_warp(path)
    np.savez_compressed(path, forward=arrays["forward"])
    with pytest.raises(RegistrationError, match="other members"):
        load_warp(path)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def image_of(voxels: np.ndarray, direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((-31.5, 12.25, -700.0))
    image.SetDirection(direction)
    return image


def write_case(folder: Path) -> tuple[np.ndarray, sitk.Image]:
    """A case stored feet first, turned and left-handed, beside an upright template; the case's lung on its own grid."""
    hu, lung = chest((5.0, 4.0, -6.0), wide=1.15)
    image = sitk.DICOMOrient(image_of(np.rint(hu).astype(np.int16)), "RAI")
    label = sitk.DICOMOrient(image_of(lung.astype(np.uint8)), "RAI")
    write_nifti(folder / "case.nii.gz", image)
    write_nifti(folder / "label.nii.gz", label)
    write_nifti(folder / "template.nii.gz", image_of(np.rint(chest()[0]).astype(np.int16)))
    return sitk.GetArrayFromImage(label) > 0, image


def test_a_case_goes_to_the_template_and_its_labels_return(tmp_path: Path) -> None:
    lung, original = write_case(tmp_path)
    paths = {name: tmp_path / f"{name}.nii.gz" for name in ("case", "label", "template", "image", "moved", "back")}
    quality = warp_files(
        paths["case"], paths["label"], paths["template"], paths["image"], paths["moved"], tmp_path / "w.npz"
    )
    assert quality.status == "done", quality.reason
    moved = sitk.ReadImage(str(paths["moved"]))
    assert dice(chest()[1], sitk.GetArrayFromImage(moved) > 0) > 0.95
    template = sitk.ReadImage(str(paths["template"]))
    assert (moved.GetOrigin(), moved.GetDirection()) == (template.GetOrigin(), template.GetDirection())
    unwarp_label_file(paths["moved"], tmp_path / "w.npz", paths["case"], paths["back"])
    back = sitk.ReadImage(str(paths["back"]))
    assert back.GetSize() == original.GetSize()
    for got, wanted in (("GetOrigin",) * 2, ("GetDirection",) * 2, ("GetSpacing",) * 2):
        assert getattr(back, got)() == pytest.approx(getattr(original, wanted)(), abs=1e-4)
    assert dice(lung, sitk.GetArrayFromImage(back) > 0) > 0.97
    with pytest.raises(RegistrationError, match="a warp of another image"):
        unwarp_label_file(paths["moved"], tmp_path / "w.npz", paths["template"], paths["back"])


def test_a_case_without_lung_is_laid_on_the_template_by_the_centres(tmp_path: Path) -> None:
    write_case(tmp_path)
    write_nifti(tmp_path / "flat.nii.gz", image_of(np.zeros((24, 44, 42), np.int16)))
    quality = warp_files(
        tmp_path / "flat.nii.gz", None, tmp_path / "template.nii.gz", tmp_path / "o.nii.gz", None, tmp_path / "w.npz"
    )
    assert (quality.status, quality.reason) == ("failed", "case: one value everywhere")
    warped, template = (sitk.ReadImage(str(tmp_path / f"{name}.nii.gz")) for name in ("o", "template"))
    assert warped.GetSize() == sitk.DICOMOrient(template, "LPS").GetSize()
    assert load_warp(tmp_path / "w.npz")[0].backend == "centres"
    write_nifti(tmp_path / "short.nii.gz", image_of(np.zeros((20, 44, 42), np.uint8)))
    with pytest.raises(ConversionError, match="a label map of"):
        warp_files(
            *(tmp_path / f"{name}.nii.gz" for name in ("case", "short", "template", "o", "l")), tmp_path / "w.npz"
        )


LINE = np.abs(np.subtract.outer([0.0, 1.0, 2.0, 3.0, 10.0], [0.0, 1.0, 2.0, 3.0, 10.0]))


def test_templates_start_at_the_medoid_and_spread() -> None:
    # Sums of distances on the line: 16, 13, 12, 13, 34.
    assert choose_templates(LINE, 1) == (2,)
    assert choose_templates(LINE, 3) == (2, 4, 0)
    assert choose_templates(np.zeros((4, 4)), 4) == (0, 1, 2, 3)
    assert sorted(choose_templates(LINE, 5)) == [0, 1, 2, 3, 4]
    unknown = LINE.copy()
    unknown[0, 1] = unknown[1, 0] = np.nan
    assert choose_templates(unknown, 1) == (2,)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 8))
def test_renaming_patients_renames_templates(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    energies = rng.uniform(0.1, 1.0, (count, count))
    order = rng.permutation(count)
    chosen = choose_templates(energies, count - 1)
    renamed = choose_templates(energies[np.ix_(order, order)], count - 1)
    assert [int(order[index]) for index in renamed] == list(chosen)


def test_templates_asked_for_wrongly() -> None:
    with pytest.raises(RegistrationError, match="found 6 templates of 5 patients; wanted 1 to 5"):
        choose_templates(LINE, 6)
    with pytest.raises(RegistrationError, match="square"):
        choose_templates(LINE[:2], 1)
    assert named_templates(["c", "a"], ["a", "b", "c"]) == (2, 0)
    with pytest.raises(RegistrationError, match="found templates d; wanted different ones of: a, b, c"):
        named_templates(["d"], ["a", "b", "c"])


def test_energy_grows_with_the_difference_of_shape() -> None:
    hu = [chest(wide=wide)[0] for wide in (1.0, 1.1, 1.35)] + [np.zeros((24, 44, 42), np.float32)]
    energies = pairwise_energies((image, SPACING) for image in hu)
    assert np.array_equal(energies, energies.T, equal_nan=True)
    assert np.all(np.diag(energies) == 0)
    assert 0 < energies[0, 1] < energies[0, 2]
    assert np.isnan(energies[3, :3]).all()


def test_a_vote_by_hand() -> None:
    # Columns: all lung; disease in 2 of 4 (tie) of 4 lungs; disease in 3; lung in 2 (tie); lung in 1; split 2 + 1 + 1.
    maps = [
        np.array(row, np.uint8)
        for row in ([1, 2, 2, 1, 1, 2], [1, 2, 2, 2, 0, 2], [1, 1, 2, 0, 0, 1], [1, 1, 0, 0, 0, 0])
    ]
    assert majority_vote(maps).tolist() == [1, 1, 2, 0, 0, 1]
    assert majority_vote(maps[:1]).tolist() == maps[0].tolist()
    assert majority_vote(maps, regions={1: (1,), 2: (2,)}).tolist() == [1, 0, 2, 0, 0, 0]
    with pytest.raises(ValueError, match=r"found labels \[3\]"):
        majority_vote([np.array([3])])
    with pytest.raises(ValueError, match="wanted one shape"):
        majority_vote([])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_the_order_of_votes_does_not_matter(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    maps = list(rng.integers(0, 3, (count, 4, 3)).astype(np.uint8))
    assert np.array_equal(majority_vote(maps), majority_vote(maps[::-1]))
    assert np.all((majority_vote(maps) > 0) >= (majority_vote(maps) == 2))
