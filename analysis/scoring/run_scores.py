"""All score rows of a run, examination by examination, in one process or several."""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from analysis.errors import AnalysisError
from analysis.run_folder import RunFolder, open_run
from analysis.score_checks import refuse_repeated_scores
from analysis.score_columns import COLUMNS
from analysis.scoring.case_scores import CaseTask, Order, Row, score_case
from analysis.scoring.chosen_metrics import chosen_metrics
from analysis.scoring.processes import answers_in_order

TYPES = {"fold": "int64", "seed": "int64", "value": "float64"}
_Scored = list[tuple[Order, list[Row]]]


def score_run(run: RunFolder, *, workers: int = 1, show_progress: bool = False) -> pd.DataFrame:
    """Return the scores of a run: columns as in ``score_columns``.

    Predictions come in the order of the matrix, whatever the number of workers, then the readers of each examination.

    Raises
    ------
    AnalysisError
        If the matrix names an image or an examination that it does not describe, or the study a metric that is not
        there.
    """
    metrics = chosen_metrics(run.study.scoring)
    tasks = list_tasks(run.matrix)
    work = partial(score_case, run, metrics=metrics) if workers == 1 else partial(_score, run.root)
    parts: dict[Order, list[Row]] = {}
    total = sum(len(task.entries) for task in tasks)
    with tqdm(total=total, desc="scoring", unit="prediction", disable=not show_progress) as progress:
        for task, scored in zip(tasks, answers_in_order(work, tasks, workers=workers), strict=True):
            parts.update(scored)
            progress.update(len(task.entries))
    rows = [row for order in sorted(parts) for row in parts[order]]
    scores = pd.DataFrame(rows, columns=list(COLUMNS)).astype(TYPES)
    refuse_repeated_scores(scores)
    return scores


def list_tasks(matrix: Mapping[str, Any]) -> list[CaseTask]:
    """Group the predictions of a run by examination, so that each reference is read once.

    Raises
    ------
    AnalysisError
        If a model is scored on an image that is not listed, or on one without reference.
    """
    entries: dict[str, list[tuple[Order, Mapping[str, Any], str]]] = {}
    for model_index, model in enumerate(matrix["models"]):
        for image_index, image in enumerate(model["test"]):
            if image not in matrix["images"]:
                raise AnalysisError(f"matrix.json: image {image!r} of {model['model']} is not listed; assemble again")
            case = f"{matrix['images'][image]['dataset']}_{matrix['images'][image]['case']}"
            if case not in matrix["references"]:
                raise AnalysisError(f"matrix.json: {case!r} has no reference; assemble the run again")
            entries.setdefault(case, []).append(((model_index, image_index), model, image))
    return [CaseTask(case, number, tuple(found)) for number, (case, found) in enumerate(entries.items())]


def _score(root: Path, task: CaseTask) -> _Scored:
    run = _opened(root)
    return score_case(run, task, chosen_metrics(run.study.scoring))


@lru_cache(maxsize=1)
def _opened(root: Path) -> RunFolder:
    """Open the run once for each process."""
    return open_run(root)
