"""The options with which two folders are scored, and what is written and printed."""

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError
from analysis.folders.folder_labels import described_labels, found_labels, parse_labels
from analysis.folders.folder_scores import COLUMNS, FolderRules, score_folders
from analysis.folders.folder_summary import summarise_folders
from analysis.folders.label_map_files import list_label_maps
from analysis.scoring.chosen_metrics import PARTS
from benchmarks.study import Scoring
from dataset_converters.atomic import replacing

DEFAULTS = Scoring()


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of two folders to a command line."""
    group = parser.add_argument_group("any two folders of label maps", "instead of a run")
    group.add_argument("--reference", type=Path, metavar="DIR", help="folder of reference label maps")
    group.add_argument("--predictions", type=Path, metavar="DIR", help="folder of predicted label maps, same names")
    group.add_argument("--out", type=Path, metavar="FILE.csv", help="where the scores go")
    group.add_argument(
        "--labels",
        nargs="+",
        metavar="NAME=VALUES",
        help="structures, for example right_lung=1 left_lung=2 lung=1,2 (default: those of a dataset.json in or beside "
        "a folder, else every value that occurs); metrics that need lung, disease or tumour take those named so",
    )
    group.add_argument(
        "--metrics", nargs="+", metavar="NAME", default=list(DEFAULTS.metrics), help="default: %(default)s"
    )
    group.add_argument("--backend", choices=("ctshift", "surface-distance"), default=DEFAULTS.backend)
    group.add_argument("--nsd-tolerance", type=float, metavar="MM", default=DEFAULTS.nsd_tolerance_mm)
    group.add_argument(
        "--slices",
        metavar="all|STRUCTURE",
        default="all",
        help="all, or those on which the reference shows a structure",
    )
    group.add_argument("--dimension", choices=("3d", "2d"), default="3d", help="2d: slice by slice, then the mean")


def is_folder_request(options: argparse.Namespace) -> bool:
    """Say whether any of the options that name folders was given."""
    return any(getattr(options, name) is not None for name in ("reference", "predictions", "out"))


def evaluate_folders(options: argparse.Namespace) -> None:
    """Score two folders, write the scores whole or not at all, and print a summary.

    Raises
    ------
    AnalysisError
        If an option is missing or wrong, or ``--out`` is a file that is no score table.
    """
    absent = [f"--{name}" for name in ("reference", "predictions", "out") if getattr(options, name) is None]
    if absent:
        raise AnalysisError(f"{', '.join(absent)} not given; two folders need --reference, --predictions and --out")
    if not 0 < options.nsd_tolerance < math.inf:
        raise AnalysisError(f"--nsd-tolerance {options.nsd_tolerance}: wanted more than 0 mm")
    _refuse_other_file(options.out)
    references, predictions = list_label_maps(options.reference), list_label_maps(options.predictions)
    if options.labels:
        labels = parse_labels(options.labels)
    else:
        described = described_labels(options.reference, options.predictions)
        labels = described or found_labels([*references.values(), *predictions.values()])
    if options.slices not in ("all", *labels.structures):
        raise AnalysisError(
            f"--slices {options.slices}: not found; the choices are: all, {', '.join(labels.structures)}"
        )
    scoring = Scoring(
        metrics=tuple(options.metrics),
        dimensions=(options.dimension,),
        nsd_tolerance_mm=options.nsd_tolerance,
        backend=options.backend,
        **{part: part if part in labels.structures else "" for part in PARTS},  # type: ignore[arg-type]
    )
    rules = FolderRules(labels, scoring, options.slices)
    scores, found = score_folders(references, predictions, rules=rules, workers=options.workers, show_progress=True)
    with replacing(options.out) as path:
        scores.to_csv(path, index=False, lineterminator="\n")
    _print_summary(scores, options.out)
    for line in found.warnings(labels):
        print(f"warning: {line}", file=sys.stderr)


def _refuse_other_file(path: Path) -> None:
    """Refuse to replace anything but an earlier score table, such as a label map."""
    if path.is_dir() or path.suffix.lower() != ".csv":
        raise AnalysisError(f"--out {path}: wanted the name of a .csv file")
    if path.is_file():
        with path.open("rb") as stream:
            start = stream.readline(200)
        if not start.startswith(",".join(COLUMNS[:4]).encode()):
            raise AnalysisError(f"--out {path}: exists and is no score table; give another name")


def _print_summary(scores: pd.DataFrame, path: Path) -> None:
    cases = scores.groupby("case", sort=False)["status"].first()
    print(summarise_folders(scores).to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    troubled = scores[scores["status"].isin(("missing", "failed", "no_reference"))].drop_duplicates(["case", "reason"])
    for row in troubled.head(10).itertuples():
        print(f"  {row.case}: {row.status}: {row.reason}")
    if len(troubled) > 10:
        print(f"  ... and {len(troubled) - 10} more")
    print(f"{len(cases)} cases, {len(scores)} scores in {path}")
