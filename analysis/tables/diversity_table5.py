"""Table V of Hofmanninger et al. 2020: how much of the tumour volume the predicted lung covers."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.cross_matrix import distinct_cases
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.case_table import case_keys
from analysis.table_parts.metric_notes import count_note, definition_note
from analysis.table_parts.model_rows import ModelRow, model_rows, of_model
from analysis.table_parts.note_words import status_counts

NAME = "diversity_table5"
TITLE = "Table V. Overlap between predicted lung and manually outlined tumour"
METRIC = "tumour_overlap"
LOW, HIGH = 0.05, 0.95
FORMAT = "Tumour overlap: mean and median over cases, and the number of cases with an overlap below 5% and above 95%."
HEAD = "Tumor overlap"


def make(results: Results) -> TableResult:
    """Return Table V: a block per test set with tumour overlap, a row per method, reference systems first.

    Test sets scored on all slices are taken, others only if there is none.

    Raises
    ------
    NotApplicableError
        If the run has no scores of ``tumour_overlap``.
    """
    study = results.study
    values = shared_case_values(results, metric=METRIC) if METRIC in set(results.scores["metric"]) else pd.DataFrame()
    if values.empty:
        raise NotApplicableError(f"needs scores of the metric {METRIC}: [scoring] lung, tumour and a tumour reference")
    methods = model_rows(study, named="both", references_first=True)
    whole = [entry for entry in study.test_sets if entry.slices == "all" and values["test_set"].eq(entry.name).any()]
    cells, sections = [], []
    for test_set in whole or study.test_sets:
        block = values[values["test_set"].eq(test_set.name)]
        found = [{"test_set": test_set.name, **cell} for cell in _cells(block, methods)]
        if found:
            cells += found
            size = case_keys(block[block["value"].notna()]).nunique()
            sections.append(Section(f"{test_set.label} (n = {size})", _printed(found)))
    used = values[values["test_set"].isin([cell["test_set"] for cell in cells])]
    counts = count_note(distinct_cases(used), METRIC, what="cases x methods")
    notes = (FORMAT, definition_note(results, METRIC), counts)
    return TableResult(pd.DataFrame(cells), notes, tuple(sections))


def _cells(values: pd.DataFrame, methods: tuple[ModelRow, ...]) -> list[dict[str, Any]]:
    cells = []
    for row in methods:
        cases = of_model(values, row)
        overlap = cases["value"].dropna().to_numpy(dtype=np.float64)
        if len(cases):
            cells.append({
                "method": row.label, "trainer": row.trainer, "arm": row.recipe, "n": len(overlap),
                "mean": float(overlap.mean()) if len(overlap) else np.nan,
                "median": float(np.median(overlap)) if len(overlap) else np.nan,
                "below_5_percent": int((overlap < LOW).sum()), "above_95_percent": int((overlap > HIGH).sum()),
                **status_counts(cases), "undefined": int(cases["value"].isna().sum()),
            })  # fmt: skip
    return cells if any(cell["n"] for cell in cells) else []


def _printed(cells: list[dict[str, Any]]) -> pd.DataFrame:
    heads = pd.MultiIndex.from_product([[HEAD], ["Mean", "Median", "< 5%", "> 95%"]])
    text = [
        [_percent(cell["mean"]), _percent(cell["median"]), str(cell["below_5_percent"]), str(cell["above_95_percent"])]
        for cell in cells
    ]
    return pd.DataFrame(text, index=pd.Index([cell["method"] for cell in cells], name="Method"), columns=heads)


def _percent(share: float) -> str:
    return NO_VALUE if np.isnan(share) else f"{100 * share:.0f}%"
