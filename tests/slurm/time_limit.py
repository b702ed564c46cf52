"""Shows that a training that meets SLURM's time limit is sent again and goes on.

``python tests/slurm/time_limit.py FOLDER [ITERATIONS]`` takes some ten minutes, for SLURM counts in minutes, and prints
when each turn of a training began, and with which epoch.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mini_run import run_command

from benchmarks.performance.mini_study import write_mini_study

PROFILE = Path(__file__).parent / "profile"
ITERATIONS = "1200"
"""300 epochs: two or three minutes on two idle cores; fewer on a busy machine, as the second argument."""


def run_into_the_limit(folder: Path, iterations: str) -> list[str]:
    """Run with a limit of a minute for every training; return when their turns began, and with which epoch."""
    folder.mkdir(parents=True)
    study = write_mini_study(folder)
    text = study.read_text(encoding="utf-8")
    assert "iterations = 16\n" in text
    study.write_text(text.replace("iterations = 16\n", f"iterations = {iterations}\n"), encoding="utf-8")
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
    print("\n".join(run_into_the_limit(Path(sys.argv[1]), (sys.argv[2:] or [ITERATIONS])[0])))
