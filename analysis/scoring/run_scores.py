"""All score rows of a run, examination by examination, in one process or several."""

from collections.abc import Collection, Mapping
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

TYPES = dict.fromkeys(COLUMNS, "str") | {"fold": "int64", "seed": "int64", "value": "float64"}
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
    parts = score_tasks(run, list_tasks(run.matrix), workers=workers, show_progress=show_progress)
    scores = rows_frame([row for order in sorted(parts) for row in parts[order]])
    refuse_repeated_scores(scores)
    return scores


def rows_frame(rows: list[Row]) -> pd.DataFrame:
    """Return score rows as a table with the columns and types of scores."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(TYPES)


def score_tasks(
    run: RunFolder, tasks: list[CaseTask], *, workers: int = 1, show_progress: bool = False
) -> dict[Order, list[Row]]:
    """Return the rows of every prediction and of the readers of every examination in some tasks, by their order."""
    metrics = chosen_metrics(run.study.scoring)
    work = partial(score_case, run, metrics=metrics) if workers == 1 else partial(_score, run.root)
    parts: dict[Order, list[Row]] = {}
    total = sum(len(task.entries) for task in tasks)
    with tqdm(total=total, desc="scoring", unit="prediction", disable=not show_progress) as progress:
        for task, scored in zip(tasks, answers_in_order(work, tasks, workers=workers), strict=True):
            parts.update(scored)
            progress.update(len(task.entries))
    return parts


def list_tasks(matrix: Mapping[str, Any], chosen: Collection[Order] | None = None) -> list[CaseTask]:
    """Group the predictions of a run by examination, so that each reference is read once.

    Parameters
    ----------
    chosen : collection of Order, optional
        Only these: model and image by their number; beyond the models, readers by the number of the examination.

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
    tasks = [CaseTask(case, number, tuple(found)) for number, (case, found) in enumerate(entries.items())]
    if chosen is None:
        return tasks
    readers = len(matrix["models"])
    tasks = [
        CaseTask(
            task.case,
            task.number,
            tuple(entry for entry in task.entries if entry[0] in chosen),
            readers=(readers, task.number) in chosen,
        )
        for task in tasks
    ]
    return [task for task in tasks if task.entries or task.readers]


def _score(root: Path, task: CaseTask) -> _Scored:
    run = _opened(root)
    return score_case(run, task, chosen_metrics(run.study.scoring))


@lru_cache(maxsize=1)
def _opened(root: Path) -> RunFolder:
    """Open the run once for each process."""
    return open_run(root)
