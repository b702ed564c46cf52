"""Two folders of label maps to scores, case by case."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.empties import Status
from analysis.errors import AnalysisError
from analysis.folders.folder_labels import FolderLabels
from analysis.folders.found_values import FoundValues
from analysis.folders.label_map_files import all_cases
from analysis.label_map import LabelMap, read_label_map
from analysis.reference_masks import ReaderReference, restrict
from analysis.scoring.chosen_metrics import chosen_metrics
from analysis.scoring.lazy_masks import masks_of_labels
from analysis.scoring.pair_scores import score_sides
from analysis.scoring.predictions import Prediction
from analysis.scoring.processes import answers_in_order
from analysis.scoring.references import choose_slices
from analysis.scoring.sides import compare
from benchmarks.study import Scoring

COLUMNS = (
    "case", "structure", "metric", "value", "unit", "status", "reason", "dimension", "slices", "definition", "backend",
)  # fmt: skip
Row: TypeAlias = dict[str, Any]
Files: TypeAlias = tuple[str, Path | None, Path | None]


@dataclass(frozen=True)
class FolderRules:
    """How two folders are compared; ``slices`` is ``all`` or a structure, whose slices in the reference then count."""

    labels: FolderLabels
    scoring: Scoring
    slices: str = "all"


def score_folders(
    references: Mapping[str, Path],
    predictions: Mapping[str, Path],
    *,
    rules: FolderRules,
    workers: int = 1,
    show_progress: bool = False,
) -> tuple[pd.DataFrame, FoundValues]:
    """Return the scores of two folders (``COLUMNS``, a row for each case, structure and metric) and the values found.

    A case in one folder only, an unreadable file, label maps on different grids and a prediction with values that no
    label names (unless labels were chosen by hand) are rows with a status and a reason.
    With an ``ignore`` label, slices that the reference ignores as a whole are not scored, and single ignored voxels are
    background in both.

    Parameters
    ----------
    references, predictions : mapping
        Case to file (``label_map_files``).

    Raises
    ------
    AnalysisError
        If the folders have no case in common, or a metric is unknown or needs a structure that has no label.
    """
    chosen_metrics(rules.scoring)
    tasks: list[Files] = [
        (case, references.get(case), predictions.get(case)) for case in all_cases(references, predictions)
    ]
    answers = answers_in_order(partial(score_files, rules=rules), tasks, workers=workers)
    rows: list[Row] = []
    found: list[FoundValues] = []
    for part, values in tqdm(answers, total=len(tasks), unit="case", disable=not show_progress):
        rows += part
        found.append(values)
    scores = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": "float64"})
    return scores, FoundValues.of_all(found)


def score_files(files: Files, *, rules: FolderRules) -> tuple[list[Row], FoundValues]:
    """Return the rows of one case, and the values in its label maps."""
    case, reference_path, prediction_path = files
    structures = rules.labels.structures
    reference, kept = _read_reference(reference_path, rules)
    prediction = _read_prediction(prediction_path, rules.labels, kept)
    found = FoundValues.of_case(_values(reference.grid), _values(prediction.side.grid))
    sides = compare(reference, prediction, shown=structures, predicted=structures)
    scores = score_sides(sides, list(structures), chosen_metrics(rules.scoring), rules.scoring)
    rows = [{"case": case, "slices": reference.slices} | score.columns(rules.scoring) for score in scores]
    return rows, found


def _read_reference(path: Path | None, rules: FolderRules) -> tuple[ReaderReference, np.ndarray | None]:
    """Return a reference on the slices to score, and which voxels somebody annotated (None: all)."""
    if path is None:
        return ReaderReference("", rules.slices, reason="reference: no file"), None
    try:
        grid = read_label_map(path)
    except AnalysisError as error:
        return ReaderReference("", rules.slices, reason=f"reference: {error}"), None
    ignore = rules.labels.ignore
    kept = None if ignore is None else grid.labels != ignore
    reference = ReaderReference("", "all", grid=grid, masks=masks_of_labels(grid.labels, rules.labels.structures))
    if kept is not None and not kept.all():
        index = np.flatnonzero(kept.any(axis=(1, 2)))
        reference = restrict(reference, None if index.size == len(kept) else index, slices="annotated")
    if rules.slices == "all" or reference.masks is None:
        return reference, kept
    chosen = choose_slices(reference, "lung", lung=rules.slices)
    return ReaderReference("", rules.slices, grid, chosen.index, chosen.masks, chosen.reason), kept


def _read_prediction(path: Path | None, wanted: FolderLabels, kept: np.ndarray | None) -> Prediction:
    if path is None:
        return _missed("missing", "prediction: no file")
    try:
        grid = read_label_map(path)
    except AnalysisError as error:
        return _missed("failed", f"prediction: {error}")
    unknown = sorted(_values(grid) - wanted.values)
    if unknown and not wanted.chosen:
        return _missed("failed", f"prediction: labels {unknown[:5]}, wanted {sorted(wanted.values)}", grid)
    labels = grid.labels if kept is None or kept.shape != grid.labels.shape else grid.labels * kept
    side = ReaderReference("", "all", grid=grid, masks=masks_of_labels(labels, wanted.structures))
    return Prediction(side)


def _missed(status: Status, reason: str, grid: LabelMap | None = None) -> Prediction:
    return Prediction(ReaderReference("", "all", grid=grid, reason=reason), (status, reason))


def _values(grid: LabelMap | None) -> frozenset[int]:
    return frozenset() if grid is None else frozenset(np.unique(grid.labels).tolist())
