"""Scores at scale: a finished run's rows repeated with other seeds and values, written, read, tabulated."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.performance.timed_process import Usage, run_timed

COPIED = ("matrix.json", "study.toml", "images.csv", "run.json")


@dataclass(frozen=True)
class ScoresCost:
    """Seconds and bytes of writing rows as CSV and parquet, and what ``make_tables`` took to tabulate them."""

    rows: int
    csv_s: float
    csv_bytes: int
    parquet_s: float
    parquet_bytes: int
    read_s: float
    frame_bytes: int
    tables: Usage


def measure_scores(run: Path, rows: int, folder: Path) -> ScoresCost:
    """Write at least ``rows`` rows made from a finished run's, and make its tables from them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)
    scores = repeat_scores(pd.read_parquet(run / "scores.parquet"), rows)
    started = time.perf_counter()
    scores.to_csv(folder / "scores.csv", index=False, lineterminator="\n")
    csv_s, started = time.perf_counter() - started, time.perf_counter()
    scores.to_parquet(folder / "scores.parquet", index=False)
    parquet_s, started = time.perf_counter() - started, time.perf_counter()
    read = pd.read_parquet(folder / "scores.parquet")
    read_s = time.perf_counter() - started
    frame_bytes = int(read.memory_usage(deep=True).sum())
    count = len(read)
    del scores, read
    tables = run_timed(["analysis.make_tables", str(folder)], cwd=folder, log=folder / "tables.log")
    sizes = [(folder / f"scores.{end}").stat().st_size for end in ("csv", "parquet")]
    return ScoresCost(count, csv_s, sizes[0], parquet_s, sizes[1], read_s, frame_bytes, tables)


def repeat_scores(scores: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Repeat rows with seeds 0, 1, 2... until there are enough; every defined value is another one in each copy."""
    copies = -(-rows // len(scores))
    random = np.random.default_rng(0)
    repeated = pd.concat([scores.assign(seed=seed) for seed in range(copies)], ignore_index=True)
    repeated["seed"] = repeated["seed"].astype(scores["seed"].dtype)
    repeated["value"] = repeated["value"] * (1 + 0.01 * random.standard_normal(len(repeated)))
    return repeated
