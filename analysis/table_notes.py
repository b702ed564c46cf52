"""The notes every table of patient values prints: what was pooled, what was missed, what the study says."""

from collections.abc import Sequence

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.table_parts.note_words import sentence
from analysis.table_parts.score_tallies import tallied_rows, tally_notes
from benchmarks.study import Study, TestSet

AVERAGING = (
    "One value per patient: voxels pooled over the slices each reader annotated in the examination, then the mean "
    "over readers, examinations, and seeds and folds."
)


def common_notes(
    scores: pd.DataFrame, study: Study, *, values: pd.DataFrame, shown: pd.DataFrame | None = None
) -> tuple[str, ...]:
    """Return the notes on averaging, pooling, missed predictions and exclusions.

    Parameters
    ----------
    values : DataFrame
        ``aggregate.patient_values``.
    shown : DataFrame, optional
        What the table prints: columns ``structure``, ``recipe`` and ``test_set`` (and more), one row per cell. The
        notes are then about these cells only, otherwise about every printed structure in every test set.
    """
    tallied = tallied_rows(scores, study)
    values = values[values["structure"].isin(printed_structures(study))]
    sets = study.test_sets
    if shown is not None:
        tallied, values = _only(tallied, shown), _only(values, shown)
        sets = tuple(entry for entry in sets if entry.name in set(shown["test_set"]))
    notes = [AVERAGING, *_sides(study), *_slices(study, sets), _pooling(study, sets), *tally_notes(tallied)]
    notes += _excluded(study, values)
    if study.tables.note:
        notes.append(study.tables.note)
    return tuple(notes)


def _only(frame: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    keys = ["structure", "recipe", "test_set"]
    return frame[pd.MultiIndex.from_frame(frame[keys]).isin(pd.MultiIndex.from_frame(shown[keys]))]


def _sides(study: Study) -> list[str]:
    printed = printed_structures(study)
    return [
        f"{name}: mean of {' and '.join(members)} in each case, before anything else; "
        "where both masks of one are empty, the other's value."
        for name, members in study.scoring.averages.items()
        if name in printed
    ]


def _slices(study: Study, sets: Sequence[TestSet]) -> list[str]:
    words = {"lung": f"only slices on which the reference shows {study.scoring.lung}", "all": "all slices"}
    return [
        f"{', '.join(dict.fromkeys(entry.label for entry in sets if entry.slices == choice))}: {text}."
        for choice, text in words.items()
        if any(entry.slices == choice for entry in sets)
    ]


def _pooling(study: Study, sets: Sequence[TestSet]) -> str:
    several = ", ".join(entry.label for entry in sets if len(entry.variants) > 1)
    if not several:
        return "Every test set has one variant."
    if study.tables.paired:
        return f"{several}: per patient the mean of the variants' values."
    return f"{several}: patients pooled, each with the variant it has."


def _excluded(study: Study, values: pd.DataFrame) -> list[str]:
    notes = [
        sentence(f"{dataset.label}: {case} excluded by the study: {reason}")
        for dataset in study.datasets
        for case, reason in dataset.exclude.items()
    ]
    left_out = values[values["reason"].ne("")]
    for reason, rows in left_out.groupby("reason", sort=True):
        notes.append(sentence(f"{len(rows)} of {len(values)} patient values left out: {reason}"))
    return notes
