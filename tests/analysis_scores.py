"""Score rows for tests, written by hand."""

import pandas as pd
from analysis_run import STUDY

from analysis.score_columns import COLUMNS
from benchmarks.study import Study
from benchmarks.study_file import load_study


def study_from(text: str, folder) -> Study:
    """Read a study from its text."""
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return load_study(path)


def two_kernel_study(folder, *, paired: bool = True) -> Study:
    """Return the study of the synthetic run."""
    return study_from(STUDY.replace("{paired}", str(paired).lower()), folder)


def score(value: float, **changes: object) -> dict:
    """Return one score row; reader 1's of patient P1 on the lung kernel unless changed."""
    row = dict.fromkeys(COLUMNS, "") | {
        "study": "quickstart", "dataset": "phantom", "patient": "P1", "variant": "LK", "variant_kind": "native",
        "reader": "reader1", "structure": "disease", "arm": "LK", "trainer": "nnUNetTrainerWeightedCE2D", "fold": 0,
        "seed": 0, "metric": "DSC", "unit": "1", "status": "ok", "value": value,
    }  # fmt: skip
    row |= changes
    return row | {"case": changes.get("case", row["patient"])}


def frame(rows: list[dict]) -> pd.DataFrame:
    """Return score rows as a frame."""
    return pd.DataFrame(rows, columns=list(COLUMNS))
