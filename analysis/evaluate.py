"""Predictions to scores: ``python -m analysis.evaluate RUN``.

One row for each model, test image, reader, structure and metric. Voxels are pooled over the slices that reader
annotated in the examination; a prediction that is missing, damaged or on another grid is a row with a reason.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.command_line import exit_code
from analysis.empties import Status, status_of_masks
from analysis.errors import AnalysisError
from analysis.label_map import LabelMap, grid_difference, read_label_map
from analysis.metric import Metric, find_metrics
from analysis.reference_masks import ReaderReference, read_references
from analysis.run_folder import RunFolder, open_run
from analysis.score_columns import COLUMNS
from dataset_converters.atomic import replacing


def evaluate(run: RunFolder, *, show_progress: bool = False) -> pd.DataFrame:
    """Return the scores of a run: columns as in ``score_columns``, rows in the order of the matrix.

    Raises
    ------
    AnalysisError
        If the matrix names an image or an examination that it does not describe.
    """
    tasks = _tasks_by_case(run.matrix)
    rows: dict[tuple[int, int], list[dict[str, Any]]] = {}
    metrics = list(find_metrics().values())
    total = sum(len(entries) for entries in tasks.values())
    with tqdm(total=total, desc="scoring", unit="prediction", disable=not show_progress) as progress:
        for case, entries in tasks.items():
            references = read_references(run, run.matrix["references"][case])
            for key, model, image in entries:
                rows[key] = list(_score_prediction(run, model, image, references=references, metrics=metrics))
                progress.update()
    ordered = [row for key in sorted(rows) for row in rows[key]]
    return pd.DataFrame(ordered, columns=list(COLUMNS)).astype({"fold": "int64", "seed": "int64", "value": "float64"})


def write_scores(scores: pd.DataFrame, folder: Path) -> None:
    """Write ``scores.parquet`` and ``scores.csv``, each whole or not at all."""
    with replacing(folder / "scores.csv") as path:
        scores.to_csv(path, index=False, lineterminator="\n")
    with replacing(folder / "scores.parquet") as path:
        scores.to_parquet(path, index=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m analysis.evaluate", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _evaluate_run(options.run))


def _evaluate_run(root: Path) -> None:
    scores = evaluate(open_run(root), show_progress=True)
    write_scores(scores, root)
    troubled = scores[scores["status"].isin(("missing", "failed", "no_reference"))]
    print(f"{len(scores)} scores, {len(troubled)} without a value, in {root / 'scores.csv'}")
    for reason, count in troubled["reason"].value_counts().head(5).items():
        print(f"  {count} x {reason}")


def _tasks_by_case(matrix: Mapping[str, Any]) -> dict[str, list[tuple[tuple[int, int], dict[str, Any], str]]]:
    """Group (order, model, image) by examination, so that each reference is read once."""
    tasks: dict[str, list[tuple[tuple[int, int], dict[str, Any], str]]] = {}
    for model_index, model in enumerate(matrix["models"]):
        for image_index, image in enumerate(model["test"]):
            if image not in matrix["images"]:
                raise AnalysisError(f"matrix.json: image {image!r} of {model['model']} is not listed; assemble again")
            case = f"{matrix['images'][image]['dataset']}_{matrix['images'][image]['case']}"
            if case not in matrix["references"]:
                raise AnalysisError(f"matrix.json: {case!r} has no reference; assemble the run again")
            tasks.setdefault(case, []).append(((model_index, image_index), model, image))
    return tasks


def _score_prediction(
    run: RunFolder, model: Mapping[str, Any], image: str, *, references: list[ReaderReference], metrics: list[Metric]
) -> Iterator[dict[str, Any]]:
    path = run.prediction_path(model["model"], image)
    try:
        prediction = read_label_map(path)
        missed: tuple[Status, str] | None = _unknown_labels(prediction, run.matrix["structures"])
    except AnalysisError as error:
        prediction, missed = None, ("failed" if path.is_file() else "missing", f"prediction: {error}")
    for reference in references:
        for structure, label in run.matrix["structures"].items():
            if not run.matrix["references"][_case_of(run, image)]["structures"].get(structure):
                continue
            for metric in metrics:
                value, status, reason = _score(
                    reference, prediction, structure, label=label, missed=missed, metric=metric
                )
                names = _names(run, model, image, reference=reference, structure=structure, metric=metric)
                yield {**names, "value": value, "unit": metric.unit, "status": status, "reason": reason}


def _case_of(run: RunFolder, image: str) -> str:
    entry = run.matrix["images"][image]
    return f"{entry['dataset']}_{entry['case']}"


def _unknown_labels(prediction: LabelMap, structures: Mapping[str, int]) -> tuple[Status, str] | None:
    unknown = sorted(set(np.unique(prediction.labels).tolist()) - {0, *structures.values()})
    if unknown:
        return "failed", f"prediction: labels {unknown[:5]}, wanted {sorted({0, *structures.values()})}"
    return None


def _score(
    reference: ReaderReference,
    prediction: LabelMap | None,
    structure: str,
    *,
    label: int,
    missed: tuple[Status, str] | None,
    metric: Metric,
) -> tuple[float, Status, str]:
    """Return value, status and reason of one metric for one reader."""
    if reference.grid is None or reference.masks is None:
        return float("nan"), "no_reference", reference.reason
    if prediction is None or missed is not None:
        return float("nan"), *(missed or ("missing", "prediction: file not found"))
    difference = grid_difference(reference.grid, prediction)
    if difference:
        return float("nan"), "failed", f"prediction: {difference}"
    wanted, found = reference.masks[structure], reference.scored(prediction.labels) == label
    status = status_of_masks(reference_empty=not wanted.any(), prediction_empty=not found.any())
    value = metric.compute(wanted, found, reference.grid.spacing_zyx_mm)
    return value, status, "" if status == "ok" else status.replace("_", " ")


def _names(
    run: RunFolder,
    model: Mapping[str, Any],
    image: str,
    *,
    reference: ReaderReference,
    structure: str,
    metric: Metric,
) -> dict[str, Any]:
    entry = run.matrix["images"][image]
    return {
        "study": run.study.name,
        **{name: entry[name] for name in ("dataset", "patient", "case", "variant", "variant_kind")},
        "reader": reference.reader,
        "structure": structure,
        "slices": reference.slices,
        "dimension": metric.dimension,
        **{name: model[name] for name in ("arm", "trainer", "fold", "seed")},
        "postprocess": model.get("postprocess", "none"),
        "metric": metric.name,
        "definition": metric.definition,
        "backend": metric.backend,
    }


if __name__ == "__main__":
    sys.exit(main())
