"""What the command lines of the analysis share: one line for an expected error, the latest run as the default."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.errors import AnalysisError
from benchmarks.study_file import StudyError
from dataset_converters.atomic import DiskFullError

RUNS = Path("runs")


def exit_code(stage: Callable[[], None]) -> int:
    """Run a stage; return 0, or 1 after printing what stopped it."""
    try:
        stage()
    except (AnalysisError, StudyError, DiskFullError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make_from_run(
    arguments: list[str] | None, make: Callable[[Path, str | None], None], *, program: str, description: str | None
) -> int:
    """Parse ``[RUN] [--only NAME]`` and make all tables or figures of a run, or one; the latest run by default."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN", help=f"folder of a run (default: latest in {RUNS})")
    parser.add_argument("--only", metavar="NAME", help="make this one only")
    options = parser.parse_args(arguments)
    return exit_code(lambda: make(options.run or latest_run(), options.only))


def latest_run(folder: Path = RUNS) -> Path:
    """Return the run in a folder whose scores are the newest, and say which on standard error.

    Raises
    ------
    AnalysisError
        If no run there has scores.
    """
    scored = [path for path in folder.glob("*/scores.parquet") if path.is_file()]
    if not scored:
        raise AnalysisError(f"no run with scores in {folder.resolve()}; give the folder of a run")
    latest = max(scored, key=lambda path: (path.stat().st_mtime_ns, path)).parent
    print(f"latest run: {latest}", file=sys.stderr)
    return latest
