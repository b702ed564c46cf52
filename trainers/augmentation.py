"""Small, named augmentations for a kernel study."""

import numpy as np
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size

from trainers.settings import Augmentation

ROTATION_RAD = (-np.pi / 12, np.pi / 12)
SCALING = (0.85, 1.15)
OUTSIDE = -1


def patch_size_to_load(patch_size: list[int], augmentation: Augmentation) -> list[int]:
    """Return the (y, x) size to cut before augmentation, so that rotation and scaling show little padding."""
    if augmentation == "none":
        return list(patch_size)
    return [int(n) for n in get_patch_size(patch_size, ROTATION_RAD, ROTATION_RAD, ROTATION_RAD, SCALING)]


def training_transforms(patch_size: list[int], augmentation: Augmentation) -> BasicTransform:
    """Return the transforms of a training slice.

    ``none`` changes nothing. ``geometric`` rotates by up to 15 degrees and scales by 0.85 to 1.15, each in half
    of the slices. Neither adds noise, blur, contrast or gamma: they imitate what a reconstruction kernel does, and
    a study of kernels would then compare augmentations. Geometric augmentation interpolates bilinearly and so
    smooths noise a little, equally in every arm. Nothing is mirrored: the chest is not symmetric.
    """
    outside_is_background = RemoveLabelTansform(OUTSIDE, 0)
    if augmentation == "none":
        return ComposeTransforms([outside_is_background])
    spatial = SpatialTransform(
        tuple(patch_size),
        patch_center_dist_from_border=0,
        random_crop=False,
        p_rotation=0.5,
        rotation=ROTATION_RAD,
        p_scaling=0.5,
        scaling=SCALING,
        p_synchronize_scaling_across_axes=1,
        border_mode_seg="constant",
        padding_value_seg=OUTSIDE,
    )
    return ComposeTransforms([spatial, outside_is_background])
