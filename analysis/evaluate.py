"""Predictions to scores: ``python -m analysis.evaluate RUN``, or any two folders of label maps.

One row for each model, test image, reference, structure and metric. Voxels are pooled over the slices that reader
annotated in the examination; a prediction that is missing, damaged or on another grid is a row with a reason.

``python -m analysis.evaluate --reference DIR --predictions DIR --out FILE.csv`` compares two folders by file name.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from analysis.command_line import exit_code
from analysis.errors import AnalysisError
from analysis.folders.command_line import add_folder_options, evaluate_folders, is_folder_request
from analysis.run_folder import RunFolder, open_run
from analysis.scoring.image_list import list_images
from analysis.scoring.run_scores import score_run
from dataset_converters.atomic import replacing


def evaluate(run: RunFolder, *, workers: int = 1, show_progress: bool = False) -> pd.DataFrame:
    """Return the scores of a run (``scoring.run_scores``)."""
    return score_run(run, workers=workers, show_progress=show_progress)


def write_scores(scores: pd.DataFrame, images: pd.DataFrame, folder: Path) -> None:
    """Write ``images.csv``, ``scores.csv`` and ``scores.parquet``, each whole or not at all."""
    with replacing(folder / "images.csv") as path:
        images.to_csv(path, index=False, lineterminator="\n")
    with replacing(folder / "scores.csv") as path:
        scores.to_csv(path, index=False, lineterminator="\n")
    with replacing(folder / "scores.parquet") as path:
        scores.to_parquet(path, index=False)


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
    scores = evaluate(run, workers=workers, show_progress=True)
    write_scores(scores, list_images(run, workers=workers), root)
    troubled = scores[scores["status"].isin(("missing", "failed", "no_reference"))]
    print(f"{len(scores)} scores, {len(troubled)} without a value, in {root / 'scores.csv'}")
    for reason, count in troubled["reason"].value_counts().head(5).items():
        print(f"  {count} x {reason}")


if __name__ == "__main__":
    sys.exit(main())
