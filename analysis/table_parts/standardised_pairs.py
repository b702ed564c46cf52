"""The protocols of Lee et al. 2023 as reconstructed and standardised, against the model's own reference image."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.empties import counted_values
from analysis.errors import NotApplicableError
from analysis.metric import find_metric
from analysis.results import Results
from analysis.score_rows import mean_by
from analysis.table_parts.model_rows import ModelRow, model_rows
from benchmarks.study import Protocol, Study

PATIENT = ["dataset", "patient"]
REFERENCE_NOTE = (
    "Reference: the prediction of the same model on {variant} images, not an annotation; all slices. One value per "
    "patient, examinations, seeds and folds averaged first."
)


@dataclass(frozen=True)
class Pairs:
    """The values of one model under one protocol, indexed by patient; NaN where nothing counts."""

    model: ModelRow
    protocol: Protocol
    original: pd.Series
    standardised: pd.Series

    def complete(self) -> pd.DataFrame:
        """Return the patients with both values: columns ``original`` and ``standardised``."""
        both = pd.DataFrame({"original": self.original, "standardised": self.standardised})
        return both.loc[np.isfinite(both.to_numpy(dtype=np.float64)).all(axis=1)]

    def left_out(self) -> int:
        """Return how many patients lack one of the values."""
        return len(self.original.index.union(self.standardised.index)) - len(self.complete())


def required(study: Study) -> tuple[str, tuple[Protocol, ...]]:
    """Return the structure and protocols of the standardisation tables.

    Raises
    ------
    NotApplicableError
        If the study has none, or no variant whose own prediction is the reference.
    """
    settings = study.tables.standardisation
    if not settings.protocols or not settings.structure:
        raise NotApplicableError("needs [tables.standardisation] structure and protocols")
    if not study.scoring.own_variant:
        raise NotApplicableError("needs [scoring] own_variant, the variant whose prediction is the reference")
    return settings.structure, settings.protocols


def standardised_pairs(results: Results, *, metric: str) -> list[Pairs]:
    """Return the values of every trained model and protocol in one metric, models without a score left out.

    Raises
    ------
    NotApplicableError
        If the run has no such score against the own prediction.
    """
    structure, protocols = required(results.study)
    rows = own_rows(results, metric=metric, structure=structure)
    pairs = [
        Pairs(
            model,
            protocol,
            _values(rows, model, protocol.original),
            _values(rows, model, protocol.standardised),
        )
        for model in model_rows(results.study)
        if model.trained and (rows["recipe"].eq(model.recipe) & rows["trainer"].eq(model.trainer)).any()
        for protocol in protocols
    ]
    if not pairs:
        reader = f"own-{results.study.scoring.own_variant}"
        raise NotApplicableError(f"needs scores of the metric {metric} of {structure} against the reader {reader}")
    return pairs


def own_rows(results: Results, *, metric: str, structure: str) -> pd.DataFrame:
    """Return the score rows of one metric against the own prediction, with ``recipe`` and ``counted``."""
    study, scores = results.study, results.scores
    chosen = scores["metric"].eq(metric) & scores["reader"].eq(f"own-{study.scoring.own_variant}")
    rows = scores[chosen & scores["structure"].eq(structure) & scores["slices"].eq("all")]
    rows = rows.assign(recipe=rows["arm"].map({arm.name: arm.recipe for arm in study.arms}))
    return rows.assign(counted=counted_values(rows, find_metric(metric)))


def per_model(pairs: list[Pairs]) -> Iterator[tuple[str, list[Pairs]]]:
    """Yield each model's label (empty with one model only) and its protocols."""
    models = list(dict.fromkeys(entry.model for entry in pairs))
    for model in models:
        yield model.label if len(models) > 1 else "", [entry for entry in pairs if entry.model == model]


def exclusion_note(pairs: list[Pairs], *, what: str) -> list[str]:
    """Say how many patients lack one of the two values."""
    words = [
        f"{entry.model.label}, {entry.protocol.label or entry.protocol.name}: {entry.left_out()}"
        for entry in pairs
        if entry.left_out()
    ]
    return [f"{what}: patients left out because a value is missing or infinite: {'; '.join(words)}."] if words else []


def _values(rows: pd.DataFrame, model: ModelRow, variant: str) -> pd.Series:
    chosen = rows["recipe"].eq(model.recipe) & rows["trainer"].eq(model.trainer) & rows["variant"].eq(variant)
    return mean_by(mean_by(rows[chosen], [*PATIENT, "case"]), PATIENT).set_index(PATIENT)["counted"]
