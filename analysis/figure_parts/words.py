"""Words that several figures share: axis labels, what was missed, what has no distance, what was left out."""

from collections import Counter

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.metric import find_metric
from analysis.results import Results
from benchmarks.study import Study

SHOWN_METRICS = ("DSC", "HD95")
"""What figures of scores show, of the metrics a study computes."""
MISSED = "the model found nothing where there was something: no prediction or an empty one"
NO_DISTANCE = (
    "patients with an infinite distance, because a mask is empty or missing (slice by slice: already if it is so on "
    "one slice)"
)
SLICES = {"reader": "annotated slices", "lung": "lung slices", "all": "all slices"}


def shown_metrics(results: Results) -> list[str]:
    """Return the metrics that figures of scores show.

    Raises
    ------
    NotApplicableError
        If the run has scores of none.
    """
    scored = set(results.scores["metric"])
    shown = [name for name in SHOWN_METRICS if name in scored]
    if not shown:
        raise NotApplicableError(f"needs scores of a metric among {', '.join(SHOWN_METRICS)}")
    return shown


def value_label(metric: str) -> str:
    """Return the words on the axis of a metric: ``Dice similarity coefficient``, ``HD95 (mm)``."""
    entry = find_metric(metric)
    label = entry.label if len(entry.label) < 30 else entry.name
    return label if entry.unit in ("", "1") else f"{label} ({entry.unit})"


def missed_words(missed: int) -> str:
    """Return what is written beside values that were missed: ``2 missed``; nothing for none."""
    return f"{missed} missed" if missed else ""


def no_distance_words(infinite: int) -> str:
    """Return what is written beside distances that are infinite: ``2 without distance``; nothing for none."""
    return f"{infinite} without distance" if infinite else ""


def left_out_words(values: pd.DataFrame) -> list[str]:
    """Return a sentence per reason for which values have none (columns ``value`` and ``reason``)."""
    without = values[values["value"].isna()]
    reasons = without["reason"].where(without["reason"].ne(""), "no defined value")
    return [
        f"{len(rows)} of {len(values)} values left out: {reason}."
        for reason, rows in without.groupby(reasons, sort=True)
    ]


def score_words(value: float, *, name: str = "DSC") -> str:
    """Return what is written below a picture: ``DSC 0.83``."""
    return f"{name} not defined" if value != value else f"{name} {value:.2f}"


def test_set_labels(study: Study) -> dict[str, str]:
    """Return the words of each test set, with its slices or name where two would be called the same."""
    words = {entry.name: entry.label for entry in study.test_sets}
    slices = {entry.name: f"{entry.label} ({SLICES[entry.slices]})" for entry in study.test_sets}
    for better in (slices, {name: f"{label} ({name})" for name, label in words.items()}):
        taken = Counter(words.values())
        words = {name: better[name] if taken[label] > 1 else label for name, label in words.items()}
    return words


def window_words(study: Study) -> str:
    """Return the sentence on the display window."""
    low, high = study.image.display_window
    return f"Display window: level {(low + high) / 2:.0f} HU, width {high - low:.0f} HU."
