"""Where models see disease outside the lung, by region (Chassagnon 2020, Results: false detections in the stomach)."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.lung_surroundings import BORDER_MM, REGIONS
from analysis.results import Results
from analysis.score_rows import mean_by
from analysis.shared_values import shared_reader_values
from analysis.statistics.summary import format_count, summarise
from analysis.table import Section, TableResult
from analysis.table_parts.effect_cells import number
from analysis.table_parts.frames import records
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.model_rows import model_rows, of_model
from benchmarks.study import Study

NAME = "ssc_false_positives"
TITLE = "Predicted disease outside the lung"
TOTAL = "outside_lung"
SEEN_ML = 0.1
COLUMNS = {
    TOTAL: "Anywhere", "lung_border": "Edge of the lung", "mediastinum": "Mediastinum", "airways": "Airways",
    "below_diaphragm": "Below the diaphragm", "chest_wall": "Chest wall, neck", "outside_body": "Outside the body",
}  # fmt: skip
FORMAT = (
    "Volume in ml, median [quartiles] over patients, and the number of patients with at least "
    f"{SEEN_ML:g} ml (percentage). Seeds and folds, readers, variants and examinations of a patient are averaged first."
)
WHOLE = "Only references with lung on every slice count; a reader of some slices cannot tell where the lung ends."
RULES = (
    "Regions are rules on the reference lung and the image, no organ is segmented; the first that holds counts: edge "
    f"(within {BORDER_MM:g} mm or one pixel of the lung in the slice), outside the body, below the lowest lung of the "
    "column (or of the nearest column with lung), air between or above the lungs, lung on both sides in the row, all "
    "else."
)


def make(results: Results) -> TableResult:
    """Return a block per test set and dataset: two rows per model, a column per region.

    Raises
    ------
    NotApplicableError
        If no metric of a region was scored against a lung on every slice.
    """
    names = {region: f"false_positives_{region}" for region in (TOTAL, *REGIONS)}
    scored = set(results.scores["metric"])
    if not any(names[region] in scored for region in REGIONS):
        raise NotApplicableError(
            f"needs scores of the metrics {', '.join(names[region] for region in REGIONS)} with [scoring] lung and "
            "disease, and a reader who outlined the lung on every slice"
        )
    known = {region: metric for region, metric in names.items() if metric in scored}
    cells = [cell for region, metric in known.items() for cell in _cells(results, region, metric)]
    frame = _with_regions(pd.DataFrame(cells), len(known))
    blocks = frame[frame["n"].gt(0)].groupby(["test_set", "dataset"], sort=False)
    sections = tuple(_section(results.study, block, list(known)) for _, block in blocks)
    definitions = [definition_note(results, metric) for metric in known.values()]
    return TableResult(frame, (FORMAT, WHOLE, RULES, *definitions, *_missing(frame)), sections)


def _cells(results: Results, region: str, metric: str) -> list[dict[str, Any]]:
    values = shared_reader_values(results, metric=metric)
    values = values[values["kind"].eq("model")]
    whole = _whole(results)
    values = values[pd.MultiIndex.from_frame(values[["dataset", "case", "first"]]).isin(whole)]
    cells = []
    for (test_set, dataset), block in values.groupby(["test_set", "dataset"], sort=False):
        for model in model_rows(results.study):
            rows = of_model(block, model)
            if len(rows):
                words = {"test_set": test_set, "dataset": dataset, "trainer": model.trainer, "arm": model.recipe}
                cells.append(words | {"model": model.label, "region": region, "metric": metric} | _summary(rows))
    return cells


def _with_regions(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Keep the models that have every region on a test set: not where it is scored on chosen slices."""
    regions = frame.groupby(["test_set", "dataset", "trainer", "arm"])["region"].transform("size")
    return frame[regions.eq(number)].reset_index(drop=True)


def _whole(results: Results) -> pd.MultiIndex:
    """Return dataset, case and reader of every reference on which a region could be measured."""
    rows = results.scores[results.scores["metric"].isin([f"false_positives_{region}" for region in REGIONS])]
    return pd.MultiIndex.from_frame(rows[["dataset", "case", "reader"]].drop_duplicates())


def _summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the summary over patients; a prediction that is missing (counted as infinite) is left out and counted."""
    missed = ~np.isfinite(rows["value"].to_numpy(dtype=np.float64))
    patients = mean_by(rows[~missed], ["patient"], column="value")["value"] if not missed.all() else pd.Series([])
    summary = summarise(patients.astype(float))
    found = {name: getattr(summary, name) for name in ("n", "median", "q1", "q3")}
    return found | {"seen": int(patients.ge(SEEN_ML).sum()), "missed": int(missed.sum())}


def _section(study: Study, block: pd.DataFrame, regions: list[str]) -> Section:
    first = records(block)[0]
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    several = any(len(entry.datasets) > 1 for entry in study.test_sets if entry.name == first["test_set"])
    parts = [sets[first["test_set"]]] + ([datasets[first["dataset"]]] if several else [])
    shown = [region for region in COLUMNS if region in regions]
    lines, names = [], []
    for label, rows in block.groupby("model", sort=False):
        of_region = {row["region"]: row for row in records(rows)}
        lines += [[write(of_region[region]) for region in shown] for write in (_volume, _seen)]
        names += [(f"{label} (n = {of_region[shown[0]]['n']})", what) for what in ("ml", f"at least {SEEN_ML:g} ml")]
    index = pd.MultiIndex.from_tuples(names, names=["Model", ""])
    return Section(", ".join(parts), pd.DataFrame(lines, index=index, columns=[COLUMNS[region] for region in shown]))


def _volume(row: dict[str, Any]) -> str:
    median, q1, q3 = (number(row[name]) for name in ("median", "q1", "q3"))
    return f"{median} [{q1}–{q3}]"


def _seen(row: dict[str, Any]) -> str:
    return format_count(row["seen"], row["n"])


def _missing(frame: pd.DataFrame) -> list[str]:
    total = frame[frame["region"].eq(frame["region"].iloc[0]) & frame["missed"].gt(0)]
    words = [f"{row['model']}, {row['test_set']}: {row['missed']}" for row in records(total)]
    return [f"Predictions that are missing, failed or refused, left out: {'; '.join(words)}."] if words else []
