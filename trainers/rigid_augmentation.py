"""Random rotations and translations of training slices (Chassagnon et al. 2020)."""

from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform

from trainers.augmentation import OUTSIDE

ROTATION_RAD = (-np.pi / 18, np.pi / 18)
SHIFT_PIXELS = 20


def rigid_patch_to_load(patch_size: list[int]) -> list[int]:
    """Return the (y, x) size to cut from a slice, so that a rotated and shifted patch shows the slice, not padding."""
    cosine, sine = np.cos(ROTATION_RAD[1]), np.sin(ROTATION_RAD[1])
    y, x = patch_size
    return [int(np.ceil(n)) + 2 * SHIFT_PIXELS for n in (y * cosine + x * sine, x * cosine + y * sine)]


def rigid_transforms(patch_size: list[int]) -> BasicTransform:
    """Return transforms that shift and turn every training slice, and nothing else.

    Chassagnon et al. 2020: "random rotations (between -10 and 10 degrees) and translations (between 0 and 20 pixels per
    axis), but local deformations were not considered". Both are drawn uniformly for each slice; translations go
    either way, by whole pixels. Expects patches of ``rigid_patch_to_load``.
    """
    spatial = SpatialTransform(
        tuple(patch_size),
        patch_center_dist_from_border=0,
        random_crop=False,
        p_rotation=1,
        rotation=ROTATION_RAD,
        border_mode_seg="constant",
        padding_value_seg=OUTSIDE,
    )
    return ComposeTransforms([Translation(SHIFT_PIXELS), spatial, RemoveLabelTansform(OUTSIDE, 0)])


class Translation(BasicTransform):
    """Cut ``margin`` pixels off each side of a patch (channels, y, x), shifted by up to as many along each axis."""

    def __init__(self, margin: int) -> None:
        super().__init__()
        self._margin = margin

    def get_parameters(self, **data_dict: Any) -> dict[str, Any]:
        """Draw where the kept part begins, for image and labels alike."""
        return {"corner": np.random.randint(0, 2 * self._margin + 1, size=data_dict["image"].ndim - 1).tolist()}

    def _apply_to_image(self, img: torch.Tensor, **params: Any) -> torch.Tensor:
        sizes = [n - 2 * self._margin for n in img.shape[1:]]
        window = (slice(start, start + n) for start, n in zip(params["corner"], sizes, strict=True))
        return img[(slice(None), *window)]

    def _apply_to_segmentation(self, segmentation: torch.Tensor, **params: Any) -> torch.Tensor:
        return self._apply_to_image(segmentation, **params)
