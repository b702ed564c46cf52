"""``python -m benchmarks status``: how far a run is, once or until it ends, for people and for scripts."""

import os
import time
from pathlib import Path

from rich.console import Console

from benchmarks.cluster_queue import read_queue
from benchmarks.display import WIDE, Display, overview, progress_table, summary_line
from benchmarks.head import HeadWatcher, read_slots
from benchmarks.progress import JobProgress, RunReader, as_json, failure_lines
from benchmarks.workflow.code_used import made_by_other_code
from benchmarks.workflow.jobs import read_jobs

INTERVAL_S = 5.0
IDLE_LOOKS = 4
"""Looks in a row at which nothing ran before a watched run counts as ended: the engine pauses between jobs."""
LOCKS = Path("/proc/locks")
MOST_LOGS = 5


def show_status(run: Path, *, json: bool = False, everything: bool = False, console: Console | None = None) -> int:
    """Print the state of a run once; return the exit code.

    Raises
    ------
    StudyError
        If the folder is not a run.
    """
    jobs = read_jobs(run)
    progress = RunReader(run, jobs).read(read_queue(run))
    if json:
        print(as_json(run, progress))
        return exit_code(progress)
    console, slots = console or Console(), read_slots(run, os.cpu_count() or 1)
    if everything:
        console.print(progress_table(progress, everything=True))
        console.print(summary_line(progress, slots), highlight=False, soft_wrap=True)
    else:
        console.print(overview(progress, slots, narrow=console.width < WIDE))
    _print_failures(run, progress, console)
    if line := made_by_other_code(run, jobs):
        console.print(line, highlight=False)
    return exit_code(progress)


def watch_status(
    run: Path, *, json: bool = False, console: Console | None = None, interval_s: float = INTERVAL_S
) -> int:
    """Show a run until nothing runs or is queued any more; return the exit code of its last state.

    Raises
    ------
    StudyError
        If the folder is not a run.
    """
    console, jobs = console or Console(), read_jobs(run)
    shown = Console(stderr=True) if json else console
    head = HeadWatcher(run)
    with Display(run, jobs, slots=read_slots(run, os.cpu_count() or 1), console=shown) as display:
        idle = 0
        while idle < IDLE_LOOKS:
            progress = display.update(read_queue(run))
            if all(entry.state == "done" for entry in progress):
                break
            idle = 0 if head.is_alive() or is_at_work(run, progress) else idle + 1
            time.sleep(interval_s)
    return show_status(run, json=json, console=console)


def exit_code(progress: list[JobProgress]) -> int:
    """Return 0 when every job is done, 1 when one failed, else 3."""
    states = {entry.state for entry in progress}
    if "failed" in states:
        return 1
    return 0 if states <= {"done"} else 3


def is_at_work(run: Path, progress: list[JobProgress]) -> bool:
    """Say whether a job runs or is queued, or ``run`` holds the folder on this machine."""
    return any(entry.state in ("running", "queued") for entry in progress) or _is_locked(run / ".lock")


def _is_locked(path: Path) -> bool:
    """Read from Linux's list of locks whether a file is locked: trying the lock would get in a run's way."""
    try:
        wanted = f":{path.stat().st_ino} "
        return any(" FLOCK " in line and wanted in line for line in LOCKS.read_text().splitlines())
    except OSError:
        return False


def _print_failures(run: Path, progress: list[JobProgress], console: Console) -> None:
    failed = [entry.job for entry in progress if entry.state == "failed"]
    for job in failed[:MOST_LOGS]:
        console.print(f"\n[bold red]{job.name} failed[/] (whole log: {run / 'logs' / job.name}.log):", highlight=False)
        console.print(failure_lines(run, job), markup=False, highlight=False)
    if len(failed) > MOST_LOGS:
        console.print(f"\nand {len(failed) - MOST_LOGS} more failed; their logs: {run / 'logs'}", highlight=False)
