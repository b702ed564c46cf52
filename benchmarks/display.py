"""The progress display: what runs, how far it is, how long it still takes."""

import time
from collections import Counter
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.progress import JobProgress, read_progress, seconds_left
from benchmarks.workflow.jobs import Job

STYLES = {"waiting": "dim", "running": "cyan", "interrupted": "yellow", "failed": "bold red", "done": "green"}
PLAIN_INTERVAL_S = 20.0
"""Seconds between progress lines where the output is not a terminal."""


class Display:
    """Shows a run's progress: a live table in a terminal, a line now and then elsewhere."""

    def __init__(self, run: Path, jobs: tuple[Job, ...], *, cores: int, console: Console) -> None:
        self._run, self._jobs, self._cores, self._console = run, jobs, cores, console
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self._states: dict[str, str] = {}
        self._last_line = 0.0
        self._started = time.time()

    def __enter__(self) -> "Display":
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.update()
        if self._live:
            self._live.__exit__(None, None, None)

    def update(self) -> None:
        """Read the run's files and show where it is."""
        progress = read_progress(self._run, self._jobs)
        if self._live:
            self._live.update(Group(progress_table(progress), summary_line(progress, self._cores)))
            return
        for entry in progress:
            before = self._states.get(entry.job.name, "waiting")
            if entry.state != before and entry.state in ("running", "failed", "done"):
                spent = f" in {minutes(entry.seconds)}" if entry.state == "done" and before == "running" else ""
                self._console.print(f"{entry.state:>8}  {entry.job.name}{spent}", highlight=False)
            self._states[entry.job.name] = entry.state
        if time.time() - self._last_line > PLAIN_INTERVAL_S:
            self._last_line = time.time()
            self._console.print(summary_line(progress, self._cores), highlight=False)


def progress_table(progress: list[JobProgress], *, everything: bool = False) -> Table:
    """Build the table of jobs; without ``everything`` waiting and finished jobs are only counted."""
    table = Table(box=None, pad_edge=False)
    for column in ("job", "state", "done", "", "time"):
        table.add_column(column, no_wrap=True)
    for entry in progress:
        if not everything and entry.state in ("waiting", "done"):
            continue
        bar = ProgressBar(total=1.0, completed=entry.share, width=20) if entry.share else Text("")
        since = minutes(entry.seconds) if entry.seconds else ""
        table.add_row(entry.job.name, Text(entry.state, style=STYLES[entry.state]), bar, entry.note, since)
    return table


def summary_line(progress: list[JobProgress], cores: int) -> Text:
    """Build one line: jobs done, what runs, time left."""
    states = Counter(entry.state for entry in progress)
    running = ", ".join(
        f"{entry.job.name} ({entry.note})" if entry.note else entry.job.name
        for entry in progress
        if entry.state == "running"
    )
    line = f"{states['done']} of {len(progress)} jobs done"
    if states["failed"]:
        line += f", {states['failed']} failed"
    if running:
        line += f"; running: {running}"
    if states["done"] < len(progress):
        line += f"; about {minutes(seconds_left(progress, cores))} left"
    return Text(line)


def minutes(seconds: float) -> str:
    """Write a duration as people say it: ``45 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min"
