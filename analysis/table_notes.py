"""The notes every table of patient values prints: what was pooled, what was missed, what the study says."""

from collections.abc import Mapping

import pandas as pd

from analysis.aggregate import printed_structures, score_totals
from benchmarks.study import Study

AVERAGING = (
    "One value per patient: voxels pooled over the slices each reader annotated in the examination, then the mean "
    "over readers, examinations, and seeds and folds."
)


def common_notes(scores: pd.DataFrame, study: Study, *, values: pd.DataFrame) -> tuple[str, ...]:
    """Return the notes on averaging, pooling, missed predictions and exclusions; ``values`` is `patient_values`."""
    notes = [AVERAGING, *_sides(study), *_slices(study), _pooling(study), _missed(score_totals(scores, study))]
    notes += _excluded(study, values)
    if study.tables.note:
        notes.append(study.tables.note)
    return tuple(notes)


def _sides(study: Study) -> list[str]:
    printed = printed_structures(study)
    return [
        f"{name}: mean of {' and '.join(members)} in each case, before anything else; "
        "where both masks of one are empty, the other's value."
        for name, members in study.scoring.averages.items()
        if name in printed
    ]


def _slices(study: Study) -> list[str]:
    words = {"lung": f"only slices on which the reference shows {study.scoring.lung}", "all": "all slices"}
    return [
        f"{', '.join(dict.fromkeys(entry.label for entry in study.test_sets if entry.slices == choice))}: {text}."
        for choice, text in words.items()
        if any(entry.slices == choice for entry in study.test_sets)
    ]


def _pooling(study: Study) -> str:
    several = ", ".join(entry.label for entry in study.test_sets if len(entry.variants) > 1)
    if not several:
        return "Every test set has one variant."
    if study.tables.paired:
        return f"{several}: per patient the mean of the variants' values."
    return f"{several}: patients pooled, each with the variant it has."


def _missed(totals: Mapping[str, int]) -> str:
    text = (
        f"Scores (one per prediction, reader and structure): {totals['scored']}, defined {totals['defined']}; missing "
        f"or failed predictions {totals['missed']}, counted as 0; both masks empty {totals['undefined']}, excluded"
    )
    return text + (f"; without a reference {totals['no_reference']}, excluded." if totals["no_reference"] else ".")


def _excluded(study: Study, values: pd.DataFrame) -> list[str]:
    notes = [
        f"{dataset.label}: {case} excluded by the study: {reason}."
        for dataset in study.datasets
        for case, reason in dataset.exclude.items()
    ]
    left_out = values[values["reason"].ne("")]
    for reason, rows in left_out.groupby("reason", sort=True):
        notes.append(f"{len(rows)} of {len(values)} patient values left out: {reason}.")
    return notes
