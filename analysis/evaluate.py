"""Predictions to scores: ``python -m analysis.evaluate RUN``, or any two folders of label maps.

One row for each model, test image, reference, structure and metric. Voxels are pooled over the slices that reader
annotated in the examination; a prediction that is missing, damaged or on another grid is a row with a reason.

``python -m analysis.evaluate --reference DIR --predictions DIR --out FILE.csv`` compares two folders by file name.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.command_line import exit_code
from analysis.errors import AnalysisError
from analysis.folders.command_line import add_folder_options, evaluate_folders, is_folder_request
from analysis.run_folder import RunFolder, open_run
from analysis.score_columns import COLUMNS
from analysis.scoring.image_list import list_images
from analysis.scoring.run_scores import score_run
from analysis.scoring.score_parts import read_parts, update_parts
from dataset_converters.atomic import replacing

SCHEMA = pa.schema(
    [
        (name, {"fold": pa.int64(), "seed": pa.int64(), "value": pa.float64()}.get(name, pa.large_string()))
        for name in COLUMNS
    ]
)


def evaluate(run: RunFolder, *, workers: int = 1, show_progress: bool = False) -> pd.DataFrame:
    """Return the scores of a run (``scoring.run_scores``)."""
    return score_run(run, workers=workers, show_progress=show_progress)


def write_scores(parts: Iterable[pd.DataFrame], images: pd.DataFrame, folder: Path) -> pd.Series:
    """Write ``images.csv``, and ``scores.csv`` and ``scores.parquet`` part by part, each whole or not at all.

    Returns
    -------
    Series
        How often each status and reason occurs.
    """
    counts = []
    with replacing(folder / "images.csv") as path:
        images.to_csv(path, index=False, lineterminator="\n")
    with (
        replacing(folder / "scores.csv") as text,
        replacing(folder / "scores.parquet") as binary,
        open(text, "w", encoding="utf-8", newline="") as stream,
        pq.ParquetWriter(binary, SCHEMA) as writer,
    ):
        for number, part in enumerate(parts):
            part.to_csv(stream, index=False, header=number == 0, lineterminator="\n")
            writer.write_table(pa.Table.from_pandas(part, schema=SCHEMA, preserve_index=False))
            counts.append(part[["status", "reason"]].value_counts())
    return pd.concat(counts).groupby(level=[0, 1]).sum()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m analysis.evaluate", description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN", help="folder of the run")
    parser.add_argument("--workers", type=int, default=1, help="processes that score side by side (default 1)")
    add_folder_options(parser)
    options = parser.parse_args(arguments)
    return exit_code(lambda: _evaluate(options))


def _evaluate(options: argparse.Namespace) -> None:
    if (options.run is not None) == is_folder_request(options):
        raise AnalysisError("give the folder of a run, or --reference, --predictions and --out of two folders")
    if options.workers < 1:
        raise AnalysisError(f"--workers {options.workers}: wanted 1 or more")
    if options.run is None:
        evaluate_folders(options)
    else:
        _evaluate_run(options.run, workers=options.workers)


def _evaluate_run(root: Path, *, workers: int) -> None:
    run = open_run(root)
    update_parts(run, workers=workers, show_progress=True)
    counts = write_scores(read_parts(run), list_images(run, workers=workers), root).reset_index(name="rows")
    troubled = counts[counts["status"].isin(("missing", "failed", "no_reference"))]
    print(f"{counts['rows'].sum()} scores, {troubled['rows'].sum()} without a value, in {root / 'scores.csv'}")
    for reason, count in troubled.groupby("reason")["rows"].sum().sort_values(ascending=False).head(5).items():
        print(f"  {count} x {reason}")


if __name__ == "__main__":
    sys.exit(main())
