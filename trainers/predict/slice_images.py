"""Images to preprocessed slices and scores to label maps as nnU-Net does it, without what a prediction does not need.

nnU-Net also fills the holes of the nonzero mask, and resamples it; where no normalisation is masked, only its bounding
box matters, which holes do not change.
"""

from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import bounding_box_to_slice, get_bbox_from_mask
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape, determine_do_sep_z_and_axis

from trainers.predict.resampling import resample_image, resample_scores

DEFAULTS = {"is_seg": False, "order_z": 0, "force_separate_z": None}
RESAMPLING = "resample_data_or_seg_to_shape"


def works_on_slices(predictor: Any) -> bool:
    """Say whether a model's plans are those this module reproduces: 2D, and nothing but nnU-Net's default steps."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    entry = configuration.configuration
    orders = {"resampling_fn_data": 3, "resampling_fn_probabilities": 1}
    return (
        len(configuration.patch_size) == 2
        and len(configuration.spacing) == 2
        and entry["preprocessor_name"] == "DefaultPreprocessor"
        and all(entry[name] == RESAMPLING for name in orders)
        and all(entry[f"{name}_kwargs"] == DEFAULTS | {"order": order} for name, order in orders.items())
        and not any(configuration.use_mask_for_norm)
        and list(plans.transpose_forward) == [0, 1, 2]
        and configuration.previous_stage_name is None
    )


def preprocess(predictor: Any, files: list[str]) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return what the network sees (channels, z, y, x) and nnU-Net's properties of the image."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    data, properties = _read(plans.image_reader_writer_class(), files)
    properties["shape_before_cropping"] = data.shape[1:]
    box = get_bbox_from_mask(np.any(data != 0, axis=0))
    data = np.array(data[(slice(None), *bounding_box_to_slice(box))], order="C")
    size, spacing = data.shape[1:], properties["spacing"]
    properties |= {"bbox_used_for_cropping": box, "shape_after_cropping_and_before_resampling": size}
    target = [spacing[0], *configuration.spacing]
    preprocessor = configuration.preprocessor_class(verbose=False)
    unmasked = np.broadcast_to(np.int8(0), data.shape)
    data = preprocessor._normalize(data, unmasked, configuration, plans.foreground_intensity_properties_per_channel)
    new_size = tuple(int(n) for n in compute_new_shape(size, spacing, target))
    if new_size == size:
        return torch.from_numpy(data), properties
    separately, axis = determine_do_sep_z_and_axis(None, spacing, target)
    if new_size[0] != size[0] or (separately and axis != 0):
        return torch.from_numpy(configuration.resampling_fn_data(data, new_size, spacing, target)), properties
    planes = [resample_image(channel, new_size[1:], order=3, each_clipped=separately) for channel in data]
    return torch.from_numpy(np.stack(planes)), properties


def label_map(predictor: Any, scores: torch.Tensor, properties: dict[str, Any]) -> npt.NDArray[Any]:
    """Return the label map (z, y, x) of an image on its own grid, from scores (heads, z, y, x)."""
    size = tuple(properties["shape_after_cropping_and_before_resampling"])
    spacing = properties["spacing"]
    configuration, labels = predictor.configuration_manager, predictor.label_manager
    target = [spacing[0], *configuration.spacing]
    separately, axis = determine_do_sep_z_and_axis(None, target, spacing)
    few = len(labels.foreground_labels) < 255
    whole = np.zeros(properties["shape_before_cropping"], np.uint8 if few else np.uint16)
    inside = whole[bounding_box_to_slice(properties["bbox_used_for_cropping"])]
    if tuple(scores.shape[1:]) != size and (scores.shape[1] != size[0] or (separately and axis != 0)):
        resampled = configuration.resampling_fn_probabilities(scores, size, target, spacing)
        inside[...] = labels.convert_logits_to_segmentation(resampled)
        return whole
    for z in range(size[0]):
        plane = scores[:, z : z + 1]
        if plane.shape[2:] != size[1:]:
            plane = resample_scores(plane, size[1:])
        inside[z] = _labels_of(plane, labels)[0]
    return whole


def _labels_of(scores: torch.Tensor, labels: Any) -> npt.NDArray[Any]:
    """Return what nnU-Net's label manager makes of scores; the greatest score wins, the first of equals."""
    if labels.has_regions:
        return np.asarray(labels.convert_logits_to_segmentation(scores.numpy()))
    best, winner = scores[0], torch.zeros(scores.shape[1:], dtype=torch.int16)
    for label, challenger in enumerate(scores[1:], start=1):
        winner[challenger > best] = label
        best = torch.maximum(best, challenger)
    return winner.numpy()


def _read(reader: Any, files: list[str]) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """Read as nnU-Net's reader does; whole numbers that need no scaling without its detour over double precision."""
    image: Any = nibabel.load(files[0]) if type(reader).__name__ == "NibabelIO" and len(files) == 1 else None
    if image is None or image.ndim != 3 or (image.dataobj.slope, image.dataobj.inter) != (1, 0):
        data, properties = reader.read_images(files)
        return data, properties
    voxels = np.asarray(image.dataobj.get_unscaled()).T[None].astype(np.float32, order="C")
    spacing = [float(length) for length in image.header.get_zooms()[::-1]]
    return voxels, {"nibabel_stuff": {"original_affine": image.affine}, "spacing": spacing}
