"""A cross matrix as printed tables: value and loss of every cell, then its tail."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.aggregate import blocks
from analysis.cross_matrix import TAIL_PERCENT, By, cross_matrix
from analysis.emulated_marks import MARK
from analysis.errors import NotApplicableError
from analysis.metric import find_metric
from analysis.results import Results
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.effect_cells import number, with_interval
from analysis.table_parts.metric_notes import definition_note

SLICES = {"reader": "Slices each reader annotated.", "lung": "Lung slices only.", "all": "All slices."}
DECIMALS = {"1": 2, "mm": 1}
BOLD = "Bold: at home, where the arm was trained."
LOSS = (
    "Loss: at home minus here where higher is better, here minus at home where lower is; positive is worse away from "
    "home. 95% confidence interval over patients. Where a patient has no distance there is no mean to lose from: k "
    "without distance."
)
PAIRED = "Within the patients who have both values (t interval)."
UNPAIRED = (
    "Marked ‡: between different patients (Welch's interval; fewer than 3 patients, or fewer than half of the smaller "
    "side, have both values), so that the loss mixes the change of domain with how hard the patients are."
)
NO_DISTANCE = (
    "k without distance: patients with an infinite surface distance, who have no mean; the difference of medians is in "
    "the CSV file where both are finite."
)


def cross_table(results: Results, *, by: By) -> TableResult:
    """Return the matrices of every trainer, structure and comparison metric; the study's first metric is printed.

    Raises
    ------
    NotApplicableError
        If no trained arm is tested away from home.
    """
    study = results.study
    metrics = scored_comparisons(results)
    frames, sections, reason = [], [], ""
    for trainer, structure, title in blocks(study):
        for metric in metrics:
            try:
                cells = cross_matrix(results, metric=metric, structure=structure, trainer=trainer, by=by)
            except NotApplicableError as error:
                reason = str(error)
                continue
            frames.append(cells)
            if metric == metrics[0]:
                sections += list(_sections(results, cells, title=title, by=by))
    if not frames:
        raise NotApplicableError(reason or "needs scores of a metric that compares with a reference")
    frame = pd.concat(frames, ignore_index=True)
    return TableResult(frame, _notes(results, frame, metrics[0]), tuple(sections))


def scored_comparisons(results: Results) -> list[str]:
    """Return the metrics with a better and a worse end that the run has scores of, in the study's order."""
    scored = set(results.scores["metric"])
    return [name for name in results.study.scoring.metrics if name in scored and find_metric(name).direction != "none"]


def _sections(results: Results, cells: pd.DataFrame, *, title: str, by: By) -> Iterator[Section]:
    datasets = {entry.name: entry.label for entry in results.study.datasets}
    groups = cells.groupby("dataset", sort=False) if by == "variant" else [("", cells)]
    for dataset, group in groups:
        name = datasets.get(str(dataset), "") if len(datasets) > 1 else ""
        words = ", ".join(word for word in (title, name) if word)
        yield _printed(group, words, heads=("Mean", "Loss (95% CI)"), cell=_value_and_loss)
        floor = group["floor"].dropna()
        below = f"Below {floor.iloc[0]:g}" if len(floor) else "No distance"
        heads = (f"{_ordinal(group)} pct.", "Worst", below, "Missed")
        yield _printed(group, f"{words + ': ' if words else ''}tail over cases", heads=heads, cell=_tail)


def _printed(cells: pd.DataFrame, title: str, *, heads: tuple[str, ...], cell: Any) -> Section:
    columns = list(cells["column"].drop_duplicates())
    rows = cells.drop_duplicates("arm")
    marks = [MARK if label.endswith(MARK) else "" for label in rows["label"]]
    found = {(entry["arm"], entry["column"]): entry for entry in cells.to_dict("records")}
    text, bold = [], set()
    for index, arm in enumerate(rows["arm"]):
        line: list[str] = []
        for column in columns:
            entry = found.get((arm, column))
            line += cell(entry) if entry else [NO_VALUE] * len(heads)
            if entry and entry["in_domain"]:
                bold.add((index, len(line) - len(heads)))
        text.append(line)
    frame = pd.DataFrame(text, index=pd.Index(rows["arm"] + marks, name="Trained on"))
    sizes = [_size(cells[cells["column"].eq(name)]) for name in columns]
    names = [f"Tested on {name}{size}" for name, size in zip(columns, sizes, strict=True)]
    frame.columns = pd.MultiIndex.from_product([names, heads])
    return Section(title, frame, bold=frozenset(bold))


def _size(cells: pd.DataFrame) -> str:
    """Return ``(n = 6)`` where every arm has a value in as many patients, otherwise the range."""
    low, high = cells["patients"].min(), cells["patients"].max()
    return f" (n = {low})" if low == high else f" (n = {low}–{high})"


def _value_and_loss(cell: dict[str, Any]) -> list[str]:
    lost = f" ({cell['infinite']} without distance)" if cell["infinite"] else ""
    return [f"{_number(cell, 'mean')}{lost}", _loss(cell)]


def _loss(cell: dict[str, Any]) -> str:
    if cell["in_domain"] and cell["loss"] == 0 and (np.isnan(cell["low"]) or cell["low"] == cell["high"]):
        return NO_VALUE
    if np.isnan(cell["loss"]):
        return f"{NO_VALUE} ({cell['reason']})"
    mark = "‡" if cell["pairing"] == "unpaired" else ""
    decimals = 1 + DECIMALS.get(find_metric(cell["metric"]).unit, 1)
    return with_interval(cell["loss"], cell["low"], cell["high"], decimals=decimals) + mark


def _tail(cell: dict[str, Any]) -> list[str]:
    share = str(cell["no_distance"]) if np.isnan(cell["below_floor"]) else f"{100 * cell['below_floor']:.0f}%"
    return [_number(cell, "tail"), _number(cell, "worst"), share, str(cell["missed"])]


def _number(cell: dict[str, Any], name: str) -> str:
    return number(cell[name], decimals=DECIMALS.get(find_metric(cell["metric"]).unit, 1))


def _ordinal(cells: pd.DataFrame) -> str:
    higher = find_metric(cells["metric"].iloc[0]).direction == "higher"
    return f"{TAIL_PERCENT if higher else 100 - TAIL_PERCENT}th"


def _notes(results: Results, frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    printed = frame[frame["metric"].eq(metric)]
    others = ", ".join(name for name in frame["metric"].drop_duplicates() if name != metric)
    pairings = set(printed["pairing"])
    slices = " ".join(SLICES[name] for name in printed["slices"].drop_duplicates())
    return (
        f"{metric}: means over the patients with a finite value; a patient's readers, examinations, seeds and folds "
        f"are averaged first. {slices} Medians{f', {others}' if others else ''} are in the CSV file.",
        BOLD,
        LOSS,
        *([PAIRED] if "paired" in pairings else []),
        *([UNPAIRED] if "unpaired" in pairings else []),
        *([NO_DISTANCE] if printed["infinite"].any() else []),
        *_two_kinds(printed),
        _tail_note(printed),
        *_undefined(printed),
        definition_note(results, metric),
    )


def _tail_note(printed: pd.DataFrame) -> str:
    """Return what the columns of the tail count, with the counts over all cells."""
    counts = printed[["missed", "no_prediction", "nothing_to_find", "undefined"]].sum()
    missed = f"missed {counts['missed']}"
    if counts["missed"]:
        empty = counts["missed"] - counts["no_prediction"]
        missed += f" ({counts['no_prediction']} without a prediction, {empty} empty)"
    return (
        "Tail: over cases; pct.: percentile; missed: the model found nothing where there was something. Over all cells "
        f"{missed}; nothing to find {counts['nothing_to_find']} (something predicted, empty reference: the worst "
        f"value, not missed); {counts['undefined']} cases have no value."
    )


def _two_kinds(printed: pd.DataFrame) -> list[str]:
    """Say which losses are between images of two kinds, which says less than a loss between native images."""
    apart = printed[printed["home_kind"].ne(printed["kind"]) & printed["home_kind"].ne("") & printed["loss"].notna()]
    words = [
        f"{row['label']} on {row['column']} ({row['home_kind']} at home, {row['kind']} here)"
        for row in apart.to_dict("records")
    ]
    return [f"Losses between images of two kinds: {'; '.join(dict.fromkeys(words))}."] if words else []


def _undefined(printed: pd.DataFrame) -> list[str]:
    reasons = [
        f"{row['label']} on {row['column']}: {row['reason']}"
        for row in printed.to_dict("records")
        if row["reason"] not in ("", "not trained")
    ]
    return [f"Loss or interval not defined: {'; '.join(dict.fromkeys(reasons))}."] if reasons else []
