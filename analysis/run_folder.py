"""A run folder as the analysis sees it: the study, the resolved matrix, and paths that stay inside."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.score_columns import COLUMNS
from benchmarks.study import Study
from benchmarks.study_file import load_study


@dataclass(frozen=True)
class RunFolder:
    """One run: its folder, its frozen study, and ``matrix.json``, which lists every image, reference and model."""

    root: Path
    study: Study
    matrix: dict[str, Any]

    def path(self, relative: str) -> Path:
        """Return a path inside the run folder.

        Raises
        ------
        AnalysisError
            If the path is absolute or leaves the folder.
        """
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts or "\\" in relative or not parts.parts:
            raise AnalysisError(f"matrix.json: path {relative!r} leaves the run folder; assemble the run again")
        return self.root / parts

    def prediction_path(self, model: str, image: str) -> Path:
        """Return where a model's label map of an image lies."""
        return self.path(f"predictions/{_single(model)}/{_single(image)}.nii.gz")


def open_run(root: Path | str) -> RunFolder:
    """Read ``study.toml`` and ``matrix.json`` of a run.

    Raises
    ------
    AnalysisError
        If the folder has no readable matrix.
    """
    root = Path(root)
    matrix = root / "matrix.json"
    if not matrix.is_file():
        raise AnalysisError(f"{root}: matrix.json not found; give the folder of a run (--out of benchmarks run)")
    try:
        content = json.loads(matrix.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AnalysisError(f"{matrix}: not JSON ({error}); remove it and run the study again") from None
    return RunFolder(root=root, study=load_study(root / "study.toml"), matrix=content)


def read_scores(root: Path | str) -> pd.DataFrame:
    """Read the scores of a run.

    Raises
    ------
    AnalysisError
        If they are not there or lack a column.
    """
    path = Path(root) / "scores.parquet"
    if not path.is_file():
        raise AnalysisError(f"{path} not found; first: python -m analysis.evaluate {root}")
    scores = pd.read_parquet(path)
    missing = [name for name in COLUMNS if name not in scores.columns]
    if missing:
        raise AnalysisError(f"{path}: columns {', '.join(missing)} not found; evaluate the run again")
    return scores


def _single(name: str) -> str:
    if "/" in name or name.startswith("."):
        raise AnalysisError(f"matrix.json: {name!r} cannot be a file name; assemble the run again")
    return name
