"""The score rows that the test sets of a study take, each with what it counts as, and the note on their numbers."""

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.score_rows import counted_rows, model_rows, rows_of_test_set
from analysis.table_parts.note_words import MISSED, NO_PREDICTION, missed_words, prediction_notes
from benchmarks.study import Study

TALLIES = (
    "scored", "defined", "missed", "no_prediction", "empty", "nothing_to_find", "undefined", "no_reference",
    "without_value",
)  # fmt: skip
CELL = ["structure", "recipe", "test_set", "dataset"]
_PREDICTION = ["trainer", "arm", "seed", "fold", "dataset", "case", "variant"]


def tallied_rows(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return the score rows of models on the printed structures in every test set, a row again for each test set.

    Returns
    -------
    DataFrame
        Score columns with ``recipe``, ``test_set``, ``value`` as it counts and the ``TALLIES``, each 0 or 1:
        ``scored`` is the sum of ``defined`` (with a value), ``undefined`` (both masks empty), ``no_reference`` and
        ``without_value``; ``missed`` (``no_prediction`` or ``empty``) and ``nothing_to_find`` are among these.
    """
    rows = model_rows(counted_rows(scores, study, metric=metric))
    rows = rows[rows["structure"].isin(printed_structures(study))]
    parts = [rows_of_test_set(rows, study, entry).assign(test_set=entry.name) for entry in study.test_sets]
    return _flagged(pd.concat(parts, ignore_index=True))


def tally_notes(tallied: pd.DataFrame) -> list[str]:
    """Return the numbers of predictions and of their scores, each counted once whatever test sets take it."""
    scores = tallied.drop_duplicates([*_PREDICTION, "reader", "slices", "structure"])
    n = {name: int(scores[name].sum()) for name in TALLIES}
    words = [f"{n['defined']} with a value"]
    if n["missed"]:
        words.append(f"{missed_words(scores['status'])}, counted as 0")
    if n["nothing_to_find"]:
        words.append(f"nothing to find {n['nothing_to_find']}, counted as 0")
    left_out = {"both masks empty": "undefined", "no reference": "no_reference", "without a value": "without_value"}
    words += [f"{text} {n[name]}, left out" for text, name in left_out.items() if n[name]]
    return [
        *prediction_notes(tallied),
        f"Scores (one per prediction, reader and structure): {n['scored']}; {'; '.join(words)}.",
    ]


def _flagged(rows: pd.DataFrame) -> pd.DataFrame:
    status, defined = rows["status"], rows["counted"].notna()
    flags = {
        "scored": defined | ~defined,
        "defined": defined,
        "missed": status.isin(MISSED),
        "no_prediction": status.isin(NO_PREDICTION),
        "empty": status.eq("empty_prediction"),
        "nothing_to_find": status.eq("empty_reference") & defined,
        "undefined": status.eq("both_empty") & ~defined,
        "no_reference": status.eq("no_reference") & ~defined,
        "without_value": ~status.isin(("both_empty", "no_reference")) & ~defined,
    }
    return rows.assign(value=rows["counted"], **{name: flag.astype(int) for name, flag in flags.items()})
