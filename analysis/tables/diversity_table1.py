"""Table I of Hofmanninger et al. 2020: the training sets."""

from typing import Any

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.frames import records
from analysis.table_parts.image_counts import CHOSEN, HEADS, LUNG_NOTE, count_images, printed_counts, unknown_note

NAME = "diversity_table1"
TITLE = "Table I. Datasets used to train the segmentation models"


def make(results: Results) -> TableResult:
    """Return Table I: a row per arm with its numbers of volumes, lung slices and slices.

    The machine-readable frame has a row per arm, seed and fold; the first seed and fold of an arm are printed.

    Raises
    ------
    NotApplicableError
        If the run has no list of training images.
    """
    if results.training.empty or results.images.empty:
        raise NotApplicableError("needs the run's lists of images and of training images")
    arms = {arm.name: arm.label for arm in results.study.arms}
    rows: list[dict[str, Any]] = [
        {"arm": arm, "label": arms[str(arm)], "seed": seed, "fold": fold, **count_images(used, results.images)}
        for (arm, seed, fold), used in results.training.groupby(["arm", "seed", "fold"])
        if arm in arms
    ]
    frame = pd.DataFrame(rows)
    frame = frame.sort_values("arm", key=lambda column: column.map(list(arms).index), kind="stable")
    first = records(frame.drop_duplicates("arm"))
    text = [[row["label"], *printed_counts(row)] for row in first]
    index = pd.Index([row["arm"] for row in first], name="Abbr.")
    printed = pd.DataFrame(text, index=index, columns=["Name", *HEADS])
    notes = (LUNG_NOTE, *_choice(frame), *_levelled(results.training), *unknown_note(first, name="arm"))
    return TableResult(frame, notes, (Section("", printed),))


def _choice(frame: pd.DataFrame) -> list[str]:
    folds, seeds = frame["fold"].nunique(), frame["seed"].nunique()
    notes = ["Only images that update the weights; those that watch the training are not counted."]
    if folds > 1 or seeds > 1:
        notes.append(f"The first of {folds} folds and of {seeds} seeds is printed; all are in the CSV file.")
    return notes


def _levelled(training: pd.DataFrame) -> list[str]:
    arms = list(dict.fromkeys(training.loc[training[CHOSEN].notna(), "arm"]))
    return [f"Trained on chosen slices with lung only, which both columns count: {', '.join(arms)}."] if arms else []
