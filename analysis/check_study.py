"""Whether a study can be scored: ``python -m analysis.check_study STUDY.toml``, before anything is trained."""

import argparse
import sys
from pathlib import Path

from analysis.command_line import exit_code
from analysis.scoring.chosen_metrics import chosen_metrics
from benchmarks.study_file import load_study


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; print what is wrong with the metrics of the study, or nothing."""
    parser = argparse.ArgumentParser(prog="python -m analysis.check_study", description=__doc__)
    parser.add_argument("study", type=Path, metavar="STUDY.toml", help="study file")
    options = parser.parse_args(arguments)

    def check() -> None:
        chosen_metrics(load_study(options.study).scoring)

    return exit_code(check)


if __name__ == "__main__":
    sys.exit(main())
