"""The prediction of one image as masks of the study's structures."""

import json
from dataclasses import dataclass

import numpy as np

from analysis.empties import Status
from analysis.errors import AnalysisError
from analysis.label_map import read_label_map
from analysis.reference_masks import ReaderReference
from analysis.run_folder import RunFolder
from analysis.scoring.lazy_masks import masks_of_labels
from analysis.scoring.structures import predicted_structures

REFUSED = "refused.json"


@dataclass(frozen=True)
class Prediction:
    """A label map of a model on all slices; ``missed`` says with status and reason why there is none."""

    side: ReaderReference
    missed: tuple[Status, str] | None = None


def read_prediction(run: RunFolder, model: str, image: str) -> Prediction:
    """Read the prediction of an image; one that is missing, damaged or has unknown labels is a status and a reason."""
    path = run.prediction_path(model, image)
    if reason := refusal(run, model, image):
        return _missed("refused", f"prediction: {reason}")
    try:
        grid = read_label_map(path)
    except AnalysisError as error:
        return _missed("failed" if path.is_file() else "missing", f"prediction: {error}")
    known = {0, *run.matrix["structures"].values()}
    unknown = sorted(set(np.unique(grid.labels).tolist()) - known)
    if unknown:
        return _missed("failed", f"prediction: labels {unknown[:5]}, wanted {sorted(known)}")
    masks = masks_of_labels(grid.labels, predicted_structures(run.study, run.matrix["structures"]))
    return Prediction(ReaderReference("", "all", grid=grid, masks=masks))


def own_reference(prediction: Prediction, variant: str) -> ReaderReference:
    """Return a model's prediction on a variant as the reference of its predictions on other variants."""
    reason = f"own prediction on {variant}: {prediction.missed[1]}" if prediction.missed else ""
    return ReaderReference(f"own-{variant}", "all", prediction.side.grid, masks=prediction.side.masks, reason=reason)


def refusal(run: RunFolder, model: str, image: str) -> str:
    """Return why a baseline refuses an image (``refused.json`` beside its label maps); empty: it does not."""
    path = run.prediction_path(model, image).parent / REFUSED
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get(image, ""))
    except (FileNotFoundError, ValueError):
        return ""


def _missed(status: Status, reason: str) -> Prediction:
    return Prediction(ReaderReference("", "all", reason=reason), (status, reason))
