"""Every arm's prediction of one image on one slice, with its score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.aggregate import rows_of_study
from analysis.empties import counted_values
from analysis.errors import AnalysisError
from analysis.label_map import read_label_map
from analysis.metric import Mask, find_metric
from analysis.run_folder import RunFolder
from benchmarks.study import TestSet


@dataclass(frozen=True)
class ExamplePrediction:
    """One arm on one image: its mask of the slice (None: no prediction) and the Dice score of the examination."""

    arm: str
    label: str
    model: str
    mask: Mask | None
    value: float

    def words(self) -> str:
        """Return what is printed below the picture."""
        return "DSC not defined" if np.isnan(self.value) else f"DSC = {self.value:.2f}"


def predictions_of(
    run: RunFolder, scores: pd.DataFrame, image: str, *, z: int, structure: str, test_set: TestSet
) -> list[ExamplePrediction]:
    """Return the prediction of each row of the study's tables except the untrained baselines, in their order.

    Parameters
    ----------
    scores : DataFrame
        Score rows of this image's patient and structure, and of one trainer.
    test_set : TestSet
        The arms it takes are shown, its readers are averaged over.
    """
    baselines = [entry.name for entry in run.study.baselines]
    dataset = run.matrix["images"][image]["dataset"]
    found = []
    taken = run.study.rows_on(test_set, dataset)
    for recipe, label in rows_of_study(run.study).items():
        arms = {arm for arm, row in taken.items() if row == recipe and arm not in baselines}
        models = [
            model
            for model in sorted(run.matrix["models"], key=lambda model: (model["seed"], model["fold"]))
            if model["arm"] in arms and model["trainer"] in set(scores["trainer"]) and image in model["test"]
        ]
        if models:
            model = models[0]
            value = _value(scores, model, run.matrix["images"][image]["case"], readers=test_set.readers)
            mask = _mask(run, model["model"], image, z=z, structure=structure)
            found.append(ExamplePrediction(recipe, label, model["model"], mask, value))
    return found


def _value(scores: pd.DataFrame, model: dict, case: str, *, readers: Sequence[str]) -> float:
    rows = scores[scores["metric"].eq("DSC") & scores["case"].eq(case)]
    for name in ("arm", "trainer", "seed", "fold"):
        rows = rows[rows[name].eq(model[name])]
    if readers:
        rows = rows[rows["reader"].isin(readers)]
    return float(pd.Series(counted_values(rows, find_metric("DSC"))).mean())


def _mask(run: RunFolder, model: str, image: str, *, z: int, structure: str) -> Mask | None:
    try:
        labels = read_label_map(run.prediction_path(model, image)).labels
    except AnalysisError:
        return None
    return labels[z] == run.matrix["structures"][structure] if z < len(labels) else None
