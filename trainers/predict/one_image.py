"""One image to one label map on the disk, the fast way where the model's plans allow it, else nnU-Net's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_converters.atomic import replacing
from trainers.errors import TrainerError


def predict_one(predictor: Any, files: Sequence[Path], output: Path, *, disease_inside_lung: bool = False) -> None:
    """Write the label map of an image (one file per channel), whole or not at all.

    Raises
    ------
    TrainerError
        The model gives scores that are no finite numbers, or no lung and disease that one could be kept inside.
    """
    import torch

    from trainers.predict import slice_images
    from trainers.predict.inside_lung import keep_disease_inside_lung

    fast = slice_images.works_on_slices(predictor)
    names = [str(file) for file in files]
    data, properties = slice_images.preprocess(predictor, names) if fast else _preprocess(predictor, names)
    scores = predictor.predict_logits_from_preprocessed_data(data).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise TrainerError(
            names[0], found="scores that are not numbers", wanted="finite ones", action="train the model again"
        )
    if disease_inside_lung:
        scores = keep_disease_inside_lung(scores, predictor)
    ending = predictor.dataset_json["file_ending"]
    with replacing(output, suffix=ending) as temporary:
        if not fast:
            _export(predictor, scores, properties, str(temporary).removesuffix(ending))
            return
        labels = slice_images.label_map(predictor, scores, properties)
        predictor.plans_manager.image_reader_writer_class().write_seg(labels, str(temporary), properties)


def _preprocess(predictor: Any, names: list[str]) -> tuple[Any, dict[str, Any]]:
    import torch

    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, _, properties = preprocessor.run_case(names, None, plans, configuration, predictor.dataset_json)
    return torch.from_numpy(data), properties


def _export(predictor: Any, scores: Any, properties: dict[str, Any], truncated: str) -> None:
    from nnunetv2.inference.export_prediction import export_prediction_from_logits

    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    export_prediction_from_logits(scores, properties, configuration, plans, predictor.dataset_json, truncated)
