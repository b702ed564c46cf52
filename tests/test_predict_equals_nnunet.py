"""Our prediction of 2D models gives the label maps of nnU-Net's own predictor; elsewhere it is nnU-Net's code.

At most 2 voxels of some 20,000 may differ: scores are rounded to half precision, and where two are equal to within
their rounding, single precision or the number of slices in a batch may decide.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from trainers.errors import TrainerError
from trainers.predict import slice_images, slice_predictor
from trainers.predict.one_image import predict_one
from trainers.predict.resampling import resample_image
from trainers.predict.slice_predictor import SlicePredictor

SOFTMAX = {"labels": {"background": 0, "lung": 1, "disease": 2}}
REGIONS = {"labels": {"background": 0, "lung": [1, 2], "disease": [2]}, "regions_class_order": [1, 2]}
ALLOWED = 2


def _plans(patch: list[int], spacing: list[float], **changes: Any) -> PlansManager:
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    configuration = {
        "architecture": {},
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": patch,
        "spacing": spacing,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        **{f"resampling_fn_{name}": "resample_data_or_seg_to_shape" for name in ("data", "seg", "probabilities")},
        "resampling_fn_data_kwargs": resampling | {"order": 3},
        "resampling_fn_seg_kwargs": resampling | {"is_seg": True, "order": 1},
        "resampling_fn_probabilities_kwargs": resampling | {"order": 1},
    }
    window = {"mean": -400.0, "std": 500.0, "percentile_00_5": -1000.0, "percentile_99_5": 300.0}
    plans = {
        "plans_name": "p",
        "dataset_name": "d",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "image_reader_writer": "NibabelIO",
        "label_manager": "LabelManager",
        "continue_training": False,
        "foreground_intensity_properties_per_channel": {"0": window},
        "configurations": {"2d": configuration | changes.pop("configuration", {})},
    }
    return PlansManager(plans | changes)


def _predictors(plans: PlansManager, labels: dict[str, Any], axes: tuple[int, ...] | None) -> list[Any]:
    dataset = labels | {"channel_names": {"0": "CT"}, "file_ending": ".nii.gz"}
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    conv = nn.Conv3d if len(plans.get_configuration("2d").patch_size) == 3 else nn.Conv2d
    torch.manual_seed(1)
    network = nn.Sequential(conv(1, 6, 5, padding=2), nn.ReLU(), conv(6, heads, 5, padding=2))
    weights = [{name: (1 + fold) * w for name, w in network.state_dict().items()} for fold in range(2)]
    made = []
    for kind in (nnUNetPredictor, SlicePredictor):
        predictor = kind(use_mirroring=axes is not None, device=torch.device("cpu"), allow_tqdm=False)
        predictor.manual_initialization(network, plans, plans.get_configuration("2d"), weights, dataset, "t", axes)
        made.append(predictor)
    return made


def _image(path: Path, size_zyx: tuple[int, int, int], spacing_xyz: tuple[float, float, float]) -> Path:
    random = np.random.default_rng(3)
    array = random.normal(-400, 350, size_zyx).round().astype(np.int16)
    array[:, :2] = 0  # cropped away
    array[3:5, 8:10, 8:10] = 0  # a hole, which is not
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_xyz)
    image.SetOrigin((1.0, -2.0, 3.0))
    sitk.WriteImage(image, str(path))
    return path


def _both(plans: PlansManager, labels: dict[str, Any], axes: tuple[int, ...] | None, image: Path) -> list[sitk.Image]:
    stock, ours = _predictors(plans, labels, axes)
    stock.predict_from_files_sequential([[str(image)]], [str(image.parent / "stock")])
    predict_one(ours, [image], image.parent / "ours.nii.gz")
    return [sitk.ReadImage(str(image.parent / f"{name}.nii.gz")) for name in ("stock", "ours")]


def _assert_equal(stock: sitk.Image, ours: sitk.Image) -> None:
    arrays = [sitk.GetArrayFromImage(image) for image in (stock, ours)]
    assert len(np.unique(arrays[0])) > 1
    assert np.count_nonzero(arrays[0] != arrays[1]) <= ALLOWED
    assert (stock.GetSize(), stock.GetSpacing()) == (ours.GetSize(), ours.GetSpacing())
    assert (stock.GetOrigin(), stock.GetPixelIDValue()) == (ours.GetOrigin(), ours.GetPixelIDValue())


@pytest.mark.parametrize("labels", [SOFTMAX, REGIONS], ids=["softmax", "regions"])
@pytest.mark.parametrize("axes", [None, (0, 1)], ids=["plain", "mirrored"])
@pytest.mark.parametrize(
    ("patch", "spacing"),
    [([32, 32], [1.0, 1.0]), ([16, 12], [1.0, 1.0]), ([16, 12], [1.3, 0.7]), ([64, 64], [0.6, 0.6])],
    ids=["one tile", "many tiles", "many tiles, resampled", "padded, resampled"],
)
def test_label_maps_equal(
    tmp_path: Path, labels: dict[str, Any], axes: Any, patch: list[int], spacing: list[float]
) -> None:
    image = _image(tmp_path / "image.nii.gz", (12, 30, 24), (1.0, 1.0, 5.0))
    _assert_equal(*_both(_plans(patch, spacing), labels, axes, image))


@pytest.mark.parametrize("spacing_xyz", [(0.8, 0.9, 1.1), (4.0, 0.9, 1.1), (0.8, 0.9, 9.0)])
def test_label_maps_equal_whichever_axis_is_coarse(
    tmp_path: Path, spacing_xyz: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one volume, along a coarse axis in the plane (nnU-Net's code), and slice by slice; odd numbers of slices."""
    monkeypatch.setattr(slice_predictor, "PIXELS_ON_CPU", 5 * 16 * 16)
    image = _image(tmp_path / "image.nii.gz", (13, 30, 24), spacing_xyz)
    _assert_equal(*_both(_plans([16, 16], [1.2, 1.2]), SOFTMAX, None, image))


@pytest.mark.parametrize(
    "changes",
    [
        {"configuration": {"patch_size": [8, 16, 16], "spacing": [2.0, 1.2, 1.2]}},
        {"configuration": {"use_mask_for_norm": [True]}},
        {"transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2]},
        {"image_reader_writer": "SimpleITKIO"},
    ],
    ids=["3d", "masked normalisation", "transposed", "other reader"],
)
def test_unusual_plans_give_equal_label_maps_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    plans = _plans([16, 16], [1.2, 1.2], **changes)
    image = _image(tmp_path / "image.nii.gz", (12, 30, 24), (1.0, 1.0, 2.0))
    _assert_equal(*_both(plans, SOFTMAX, None, image))
    assert slice_images.works_on_slices(_predictors(plans, SOFTMAX, None)[1]) == ("image_reader_writer" in changes)


def test_scaled_images_are_read_as_nnunet_reads_them(tmp_path: Path) -> None:
    import nibabel

    stored = nibabel.Nifti1Image(np.arange(8 * 24 * 24, dtype=np.int16).reshape(24, 24, 8), np.eye(4))
    stored.header.set_slope_inter(0.25, -900)
    nibabel.save(stored, tmp_path / "image.nii.gz")
    predictor = _predictors(_plans([32, 32], [1.0, 1.0]), SOFTMAX, None)[1]
    reader = predictor.plans_manager.image_reader_writer_class()
    expected, _ = reader.read_images([str(tmp_path / "image.nii.gz")])
    assert np.array_equal(slice_images._read(reader, [str(tmp_path / "image.nii.gz")])[0], expected)


def test_cubic_resampling_is_scipys_in_the_plane_and_in_three_dimensions() -> None:
    planes = np.random.default_rng(0).normal(0, 1, (4, 13, 12)).astype(np.float32)
    for each_clipped, slice_mm in ((True, 9.0), (False, 1.0)):
        sizes = (4, 10, 17), (slice_mm, 1.0, 1.0), (slice_mm, 1.2, 0.8)
        expected = resample_data_or_seg_to_shape(planes[None], *sizes, order=3, force_separate_z=None)[0]
        found = resample_image(planes, (10, 17), order=3, each_clipped=each_clipped)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_scores_that_are_no_numbers_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    predictor = _predictors(_plans([32, 32], [1.0, 1.0]), SOFTMAX, None)[1]
    predictor.list_of_parameters = [{n: w * np.nan for n, w in predictor.list_of_parameters[0].items()}]
    image = _image(tmp_path / "image.nii.gz", (8, 24, 24), (1.0, 1.0, 2.0))
    with pytest.raises(TrainerError, match="scores that are not numbers"):
        predict_one(predictor, [image], tmp_path / "out" / "label.nii.gz")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True
