"""Which jobs of a run wait or run in a SLURM queue: asked of ``squeue`` where there is one."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ASK = ("squeue", "--me", "--noheader", "--states=all", "--format=%T|%R|%Z|%k")
TIMEOUT_S = 20.0
_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED"}


def read_queue(run: Path) -> dict[str, str]:
    """Return the jobs of a run that wait in the queue, with SLURM's reason; empty without SLURM or an answer."""
    if not shutil.which("squeue"):
        return {}
    try:
        answer = subprocess.run(ASK, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return waiting_jobs(answer.stdout.splitlines(), run)


def waiting_jobs(lines: Iterable[str], run: Path) -> dict[str, str]:
    """Pick this run's waiting jobs out of ``squeue``'s lines (state, reason, working folder, comment).

    Snakemake sends jobs from the run folder and names rule and wildcards in the comment; our one wildcard is the job.
    """
    found = {}
    for line in lines:
        state, reason, folder, comment = (*line.strip().split("|", 3), "", "", "", "")[:4]
        job = re.search(r"_wildcards_(.+)$", comment)
        if state in _WAITING and job and Path(folder).resolve() == run.resolve():
            found[job[1]] = reason.strip("()")
    return found
