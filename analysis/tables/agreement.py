"""Agreement of models with readers and of readers with each other: overlap, volumes, intraclass correlation."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.errors import NotApplicableError
from analysis.metric import find_metric
from analysis.results import Results
from analysis.shared_values import shared_reader_values
from analysis.statistics.bland_altman import BLAND_ALTMAN_NOTE
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.effect_cells import number, with_interval
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.model_rows import model_rows
from analysis.table_parts.reader_pairs import Pair, overlaps, pair_count_notes
from analysis.table_parts.reader_volumes import BLOCK, NOTHING, Key, VolumeBlock, reader_volumes
from benchmarks.study import Study

NAME = "agreement"
TITLE = "Agreement of models with readers, and of readers with each other"
FORMAT = (
    "Medians with quartiles over patients; examinations and variants, and where several readers or pairs are in a row "
    "these too, are averaged first. Where some examinations have several readers, only those blocks are printed. All "
    "blocks, medians of further metrics, and the slope of the difference over the mean are in the CSV file."
)
VOLUMES = (
    "Volumes in ml, second minus first, on the slices of the reader. Readers with each other, and the mean of all "
    "readers, only in examinations of which all annotated the same slices. ICC(A,1): absolute agreement, two-way, of "
    "all readers, or of a model with the mean of the readers."
)


def make(results: Results) -> TableResult:
    """Return a block per structure, test set and dataset: a row per pair of readers, repeat, and model with reader.

    Raises
    ------
    NotApplicableError
        If the run has no score of a model against a reader.
    """
    metrics = _metrics(results)
    found = {metric: overlaps(_printed_only(results, metric)) for metric in metrics}
    if not any(found.values()):
        raise NotApplicableError("needs scores of a symmetric metric between models and readers")
    volumes = reader_volumes(results)
    labels: dict[Key, str] = {(row.trainer, row.recipe): row.label for row in model_rows(results.study)}
    several = {key for key, pairs in found[metrics[0]].items() if any(pair.kind == "reader" for pair in pairs)}
    rows: list[dict[str, Any]] = []
    sections = []
    for key, pairs in found[metrics[0]].items():
        words = dict(zip(BLOCK, key, strict=True))
        block = volumes.get(key, NOTHING)
        printed = [
            _row(pair, pair.label(labels), metrics[0]) | overlap | _agreement(pair, block)
            for pair, overlap in pairs.items()
        ]
        rows += [words | row for row in printed]
        for metric in metrics[1:]:
            others = found[metric].get(key, {})
            rows += [words | _row(pair, pair.label(labels), metric) | overlap for pair, overlap in others.items()]
        if key in several or not several:
            sections.append(Section(_title(results.study, words), _printed(printed, metrics[0])))
    frame = pd.DataFrame(rows)
    definitions = [definition_note(results, metric) for metric in metrics]
    counts = _counts(results, metrics[0], blocks=several)
    notes = (FORMAT, VOLUMES, BLAND_ALTMAN_NOTE, *definitions, *counts, *_undefined(frame))
    return TableResult(frame, notes, tuple(sections))


def _metrics(results: Results) -> list[str]:
    scored = set(results.scores["metric"])
    metrics = [find_metric(name) for name in results.study.scoring.metrics if name in scored]
    return [
        metric.name
        for metric in metrics
        if metric.symmetric and metric.direction != "none" and "volume" not in metric.name
    ]


def _printed_only(results: Results, metric: str) -> pd.DataFrame:
    values = shared_reader_values(results, metric=metric)
    return values[values["structure"].isin(printed_structures(results.study))]


def _counts(results: Results, metric: str, *, blocks: set[Key]) -> list[str]:
    """Say how many values the printed blocks have, and how many of them are missed or left out."""
    values = _printed_only(results, metric)
    if blocks:
        values = values[pd.MultiIndex.from_frame(values[BLOCK]).isin(blocks)]
    return pair_count_notes(values, results.study, metric=metric)


def _title(study: Study, words: Mapping[str, str]) -> str:
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    parts = [words["structure"], sets[words["test_set"]], datasets[words["dataset"]] if len(datasets) > 1 else ""]
    return ", ".join(part for part in parts if part)


def _row(pair: Pair, label: str, metric: str) -> dict[str, Any]:
    return asdict(pair) | {"label": label, "metric": metric}


def _agreement(pair: Pair, block: VolumeBlock) -> dict[str, Any]:
    """Return the columns of the volumes, which begin with ``volume_`` and ``icc``."""
    volumes = pair.volumes(block)
    columns: dict[str, Any] = {f"volume_{name}": value for name, value in asdict(pair.bland_altman(volumes)).items()}
    icc = pair.icc(volumes)
    if icc is None:
        return columns | {"icc_reason": ""}
    return columns | {"icc": icc.estimate, "icc_low": icc.low, "icc_high": icc.high, "icc_reason": icc.reason}


def _printed(rows: list[dict[str, Any]], metric: str) -> pd.DataFrame:
    text = [[str(row["n"]), _median(row), str(row["volume_n"]), *_volumes(row), _icc(row)] for row in rows]
    heads = ["n", f"Median {metric}", "n (volumes)", "Bias (95% CI), ml", "Limits of agreement, ml", "ICC (95% CI)"]
    return pd.DataFrame(text, index=pd.Index([row["label"] for row in rows], name="Pair"), columns=heads)


def _median(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return NO_VALUE
    decimals = 2 if find_metric(row["metric"]).unit == "1" else 1
    median, q1, q3 = (number(row[name], decimals=decimals) for name in ("median", "q1", "q3"))
    return f"{median} ({q1}–{q3})"


def _volumes(row: Mapping[str, Any]) -> list[str]:
    if row["volume_bias"] != row["volume_bias"]:
        return [NO_VALUE, NO_VALUE]
    bias = with_interval(*(row[f"volume_{name}"] for name in ("bias", "bias_low", "bias_high")), decimals=1)
    if row["volume_lower"] != row["volume_lower"]:
        return [bias, NO_VALUE]
    return [bias, f"{number(row['volume_lower'], decimals=1)} to {number(row['volume_upper'], decimals=1)}"]


def _icc(row: Mapping[str, Any]) -> str:
    if "icc" not in row:
        return ""
    return with_interval(row["icc"], row["icc_low"], row["icc_high"], decimals=2)


def _undefined(frame: pd.DataFrame) -> list[str]:
    """Name each reason once with the number of rows it concerns."""
    if "volume_reason" not in frame:
        return []
    reasons = pd.concat([frame["volume_reason"], frame["icc_reason"]]).dropna()
    counts = reasons[reasons.ne("")].value_counts()
    return [f"Not defined in {number} rows: {reason}." for reason, number in counts.items()]
