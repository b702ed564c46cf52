"""The invented chest of the samples: anatomy on the right sides, and the same chest in every file format."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.anatomy.findings import anatomy_findings
from dataset_converters.sources.sample_volumes import SampleChest, sample_chest, write_sample
from dataset_converters.volumes.image_file import ENDINGS, read_image


@pytest.fixture(scope="module", params=range(4))
def chest(request: pytest.FixtureRequest) -> SampleChest:
    return sample_chest(request.param)


def voxels(chest: SampleChest, name: str) -> np.ndarray:
    return sitk.GetArrayFromImage(chest.structures[name]) > 0


def centre_mm(mask: sitk.Image) -> np.ndarray:
    index = np.argwhere(sitk.GetArrayFromImage(mask) > 0).mean(axis=0)[::-1]
    return np.array(mask.TransformContinuousIndexToPhysicalPoint(index.tolist()))


def test_anatomy(chest: SampleChest) -> None:
    right, left, liver, trachea = (
        centre_mm(chest.structures[name]) for name in ("right_lung", "left_lung", "liver", "trachea")
    )
    assert right[0] < trachea[0] < left[0], "the patient's left is +x"
    assert liver[2] < right[2] < trachea[2], "the head is +z"
    assert liver[0] < trachea[0]
    areas = voxels(chest, "lung").sum(axis=(1, 2))
    areas = areas[areas > 0]
    assert (np.diff(areas) <= 0).all(), "the apex is up"
    litres = voxels(chest, "lung").sum() * np.prod(chest.image.GetSpacing()) / 1e6
    assert 2 < litres < 3


def test_structures_lie_inside_or_apart(chest: SampleChest) -> None:
    lung = voxels(chest, "lung")
    assert np.array_equal(lung, voxels(chest, "right_lung") ^ voxels(chest, "left_lung"))
    for name in ("trachea", "heart", "liver", "spine"):
        assert not (lung & voxels(chest, name)).any(), name
    for inner, outer in (
        ("tumour", "right_lung"),
        ("effusion", "left_lung"),
        ("disease", "left_lung"),
        ("lung", "body"),
    ):
        assert voxels(chest, inner).any()
        assert not (voxels(chest, inner) & ~voxels(chest, outer)).any(), inner
    values = sitk.GetArrayFromImage(chest.image)
    healthy = lung & ~voxels(chest, "tumour") & ~voxels(chest, "effusion") & ~voxels(chest, "disease")
    assert np.median(values[healthy]) == pytest.approx(-850, abs=10)


def test_one_seed_is_one_patient_with_as_many_kernels_as_wanted() -> None:
    sharp, soft = (sample_chest(3, noise_hu=noise) for noise in (60.0, 15.0))
    other = sample_chest(4)
    assert sharp.image.GetOrigin() == soft.image.GetOrigin() != other.image.GetOrigin()
    assert np.array_equal(voxels(sharp, "lung"), voxels(soft, "lung"))
    liver = voxels(sharp, "liver")
    spread = [sitk.GetArrayFromImage(chest.image)[liver].std() for chest in (sharp, soft)]
    assert spread[0] == pytest.approx(4 * spread[1], rel=0.1)


def test_a_finer_grid_shows_nothing_odd() -> None:
    chest = sample_chest(0, size_xyz=(40, 32, 20), spacing_mm=(8.4, 7.8, 13.2))
    structures = {"background": 0, "right_lung": 1, "left_lung": 2}
    labels = chest.labels(right_lung=1, left_lung=2)
    assert anatomy_findings(chest.image, labels, structures, dataset="sample", case="c") == []


def test_labels_named_later_win() -> None:
    chest = sample_chest(1)
    labels = sitk.GetArrayFromImage(chest.labels(lung=5, tumour=2))
    assert (labels[voxels(chest, "tumour")] == 2).all()
    assert set(np.unique(labels)) == {0, 2, 5}


@pytest.mark.parametrize("axes", ["RAS", "LPI", "SAR", "ILP"])
def test_turning_leaves_everything_where_it_was(axes: str) -> None:
    chest = sample_chest(2)
    turned = chest.turned(axes)
    back = sitk.DICOMOrient(turned.image, "LPS")
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(chest.image))
    for name in ("tumour", "liver"):
        assert centre_mm(turned.structures[name]) == pytest.approx(centre_mm(chest.structures[name]), abs=1e-6)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != ".nhdr"])
def test_every_format_holds_the_same_image(tmp_path: Path, ending: str) -> None:
    chest = sample_chest(0)
    write_sample(tmp_path / "new" / f"ct{ending}", chest.image)
    image = read_image(tmp_path / "new" / f"ct{ending}", dataset="sample", case="c").image
    assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(chest.image))
    assert image.GetOrigin() == pytest.approx(chest.image.GetOrigin(), abs=1e-3)
