"""What the command lines of the analysis share: an expected error is one line and exit code 1."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.errors import AnalysisError
from benchmarks.study_file import StudyError
from dataset_converters.atomic import DiskFullError


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
    """Parse ``RUN [--only NAME]`` and make all tables or figures of a run, or one."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--only", metavar="NAME", help="make this one only")
    options = parser.parse_args(arguments)
    return exit_code(lambda: make(options.run, options.only))
