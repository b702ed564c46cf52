"""Table II of Hofmanninger et al. 2020: the test sets."""

from typing import Any

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.image_counts import HEADS, IMAGE, LUNG_NOTE, count_images, printed_counts, unknown_note
from benchmarks.study import Study, TestSet

NAME = "diversity_table2"
TITLE = "Table II. Test datasets"
TOTAL = "Total"


def make(results: Results) -> TableResult:
    """Return Table II: a row per test set with its numbers of volumes, lung slices and slices, and their total.

    Test sets of the same images (scored on other slices) share a row, the first one's.

    Raises
    ------
    NotApplicableError
        If the run has no list of images or no score.
    """
    study = results.study
    scored = results.scores[results.scores["arm"].isin(_competitors(study))]
    if results.images.empty or scored.empty:
        raise NotApplicableError("needs the run's list of images and scores of a model")
    tested = scored[IMAGE].drop_duplicates()
    rows: list[dict[str, Any]] = []
    everything = []
    for test_set in _distinct(study):
        used = tested[tested["dataset"].isin(test_set.datasets) & tested["variant"].isin(test_set.variants)]
        everything.append(used)
        words = {"test_set": test_set.name, "label": test_set.label, "description": _description(study, test_set)}
        rows.append(words | count_images(used, results.images))
    total = {"test_set": "", "label": "", "description": TOTAL}
    rows.append(total | count_images(pd.concat(everything), results.images))
    text = [[row["description"], *printed_counts(row)] for row in rows]
    index = pd.Index([row["label"] for row in rows], name="Abbr.")
    printed = pd.DataFrame(text, index=index, columns=["Description", *HEADS])
    notes = (LUNG_NOTE, *_overlap(rows), *unknown_note(rows[:-1], name="label"))
    return TableResult(pd.DataFrame(rows), notes, (Section("", printed),))


def _competitors(study: Study) -> list[str]:
    return [arm.name for arm in study.arms] + [entry.name for entry in study.baselines]


def _distinct(study: Study) -> list[TestSet]:
    first: dict[tuple[tuple[str, ...], tuple[str, ...]], TestSet] = {}
    for entry in study.test_sets:
        first.setdefault((entry.datasets, entry.variants), entry)
    return list(first.values())


def _description(study: Study, test_set: TestSet) -> str:
    """Return the labels of the datasets, and the variants where the study tests several."""
    labels = ", ".join(entry.label for entry in study.datasets if entry.name in test_set.datasets)
    several = len({entry.variants for entry in study.test_sets}) > 1
    return f"{labels} ({', '.join(test_set.variants)})" if several else labels


def _overlap(rows: list[dict[str, Any]]) -> list[str]:
    *parts, total = rows
    if sum(row["volumes"] for row in parts) == total["volumes"]:
        return []
    return [f"{TOTAL}: test sets share images; each image counts once."]
