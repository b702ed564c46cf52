"""A training that meets SLURM's time limit is sent again and goes on: ``python tests/slurm/time_limit.py FOLDER``.

Takes some ten minutes: SLURM counts in minutes. Prints what each turn of the training began with.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mini_run import run_command, write_study

PROFILE = Path(__file__).parent / "profile"
ITERATIONS = ("iterations = 16\n", "iterations = 2400\n")
"""600 epochs: more than a minute, less than four on two idle cores."""


def run_into_the_limit(folder: Path) -> list[str]:
    """Run one arm with a limit of a minute for its training; return the epochs its turns began with."""
    folder.mkdir(parents=True)
    study = write_study(folder)
    text = study.read_text(encoding="utf-8")
    assert ITERATIONS[0] in text
    study.write_text(text.replace(*ITERATIONS), encoding="utf-8")
    options = ["--profile", str(PROFILE), "--set-resources", "train:runtime=1", "train:gpu=1"]
    subprocess.run(run_command(study, folder / "run", *options), check=False)
    log = (folder / "run" / "logs" / "snakemake.log").read_text(encoding="utf-8")
    print("\n".join(line for line in log.splitlines() if "TIMEOUT" in line))
    return [turn for path in sorted((folder / "run" / "logs").glob("train-*.log")) for turn in _turns(path)]


def _turns(log: Path) -> list[str]:
    """Return, for each turn of a training, when it began and its first epoch."""
    turns: list[str] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("--- "):
            turns.append(line)
        elif match := re.search(r": Epoch (\d+)", line):
            turns[-1] += "" if " from epoch " in turns[-1] else f" from epoch {match[1]}"
    return turns


if __name__ == "__main__":
    print("\n".join(run_into_the_limit(Path(sys.argv[1]))))
