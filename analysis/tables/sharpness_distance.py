"""Dice score against the distance in sharpness between a test image and the images a model was trained on."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.aggregate import printed_structures, rows_of_study
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.clustered_spearman import CLUSTERED_SPEARMAN_NOTE
from analysis.statistics.p_values import format_p
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.effect_cells import with_interval
from analysis.table_parts.metric_notes import count_note
from analysis.table_parts.sharpness_distances import DISTANCE, METRIC, sharpness_distances, training_words, usable
from analysis.table_parts.sharpness_fit import FIT_NOTE, fit_sharpness
from analysis.table_parts.slice_words import SLICES
from benchmarks.study import Study

NAME = "sharpness_distance"
TITLE = "Dice score and distance in sharpness between training and test images"
BLOCK = ["trainer", "structure", "slices", "kind"]
ALL = "All arms"
APART = "Native and emulated test images are in blocks of their own. All arms: one slope, a level for each arm."


def make(results: Results) -> TableResult:
    """Return, for each trainer, structure, choice of slices and kind of test image, a row per arm.

    Raises
    ------
    NotApplicableError
        If images have no sharpness, or nowhere do test images differ in distance by more than its error.
    """
    study, distances = results.study, sharpness_distances(results)
    distances = distances[distances["structure"].isin(printed_structures(study))]
    frame = pd.DataFrame([row for _, rows in distances.groupby(BLOCK, sort=False) for row in _rows(results, rows)])
    if frame.empty or frame["slope"].isna().all():
        found = frame["reason"].iloc[0] if len(frame) else "no scores"
        raise NotApplicableError(f"needs test images at different sharpness distances; found: {found}")
    sections = [Section(_title(study, rows), _printed(rows)) for _, rows in frame.groupby(BLOCK, sort=False)]
    notes = (DISTANCE, FIT_NOTE, CLUSTERED_SPEARMAN_NOTE, APART, count_note(distances, METRIC), *_reasons(frame))
    return TableResult(frame, notes, tuple(sections))


def _rows(results: Results, rows: pd.DataFrame) -> list[dict[str, Any]]:
    labels = rows_of_study(results.study)
    block = {name: rows[name].iloc[0] for name in BLOCK}
    found = [
        block | {"arm": recipe, "label": labels[recipe], "trained": training_words(results, recipe)} | _row(part)
        for recipe in labels
        for part in [rows[rows["recipe"].eq(recipe)]]
        if len(part)
    ]
    return [*found, block | {"arm": "", "label": ALL, "trained": ""} | _row(rows)] if len(found) > 1 else found


def _row(rows: pd.DataFrame) -> dict[str, Any]:
    distance = usable(rows)["distance"]
    limits = {"nearest": distance.abs().min(), "farthest": distance.abs().max(), "mean_distance": distance.mean()}
    return limits | asdict(fit_sharpness(rows))


def _title(study: Study, rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    trainer = next(entry.label for entry in study.trainers if entry.name == first["trainer"])
    return f"{trainer}, {first['structure']}, {SLICES[first['slices']]}: {first['kind']} test images"


def _printed(rows: pd.DataFrame) -> pd.DataFrame:
    text = [
        [
            row["trained"] or NO_VALUE,
            f"{row['nearest']:.2f}–{row['farthest']:.2f}" if row["images"] else NO_VALUE,
            f"{row['images']} ({row['patients']})",
            with_interval(row["slope"], row["low"], row["high"]),
            format_p(row["p"]),
            with_interval(row["rho"], row["rho_low"], row["rho_high"], decimals=2),
        ]
        for row in rows.to_dict("records")
    ]
    heads = ["Training (lp/cm)", "Distance (lp/cm)", "Images (patients)", "DSC per lp/cm (95% CI)", "P", "ρ (95% CI)"]
    return pd.DataFrame(text, index=pd.Index(rows["label"], name="Trained on"), columns=heads)


def _reasons(frame: pd.DataFrame) -> list[str]:
    notes = []
    for row in frame.to_dict("records"):
        where = f"{row['label']}, {row['structure']}, {row['kind']}"
        notes += [f"{where}: {row['left_out']} images without sharpness or value left out."] if row["left_out"] else []
        notes += [f"{where}: {row['reason']}."] if row["reason"] else []
    return list(dict.fromkeys(notes))
