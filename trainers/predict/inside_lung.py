"""A rule for models of lung and disease: disease is kept only where the model sees lung."""

from typing import Any

import torch

from trainers.errors import TrainerError
from trainers.region_view import REGIONS


def keep_disease_inside_lung(scores: torch.Tensor, predictor: Any) -> torch.Tensor:
    """Return scores (2: lung and disease, z, y, x) with disease at most as certain as lung.

    The label map then has no disease outside the lung: linear resampling keeps what is at most as large so. Not in
    Chassagnon et al. 2020, where disease is what the disease decoder says.

    Raises
    ------
    TrainerError
        The model has other outputs than the regions lung and disease.
    """
    outputs = [name for name in predictor.dataset_json["labels"] if name not in ("background", "ignore")]
    if not predictor.label_manager.has_regions or outputs != list(REGIONS):
        raise TrainerError(
            f"{predictor.trainer_name}, disease only inside the lung",
            found=f"a model of {', '.join(outputs)} that exclude each other or are not these",
            wanted=f"a model of the regions {' and '.join(REGIONS)}, as nnUNetTrainerAtlasNet trains it",
            action="predict this model without the rule",
        )
    lung, disease = scores
    return torch.stack([lung, torch.minimum(lung, disease)])
