"""The progress display: what runs, how far it is, how long it still takes."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.head import Slots
from benchmarks.progress import JobProgress, RunReader, State, count_states, seconds_left
from benchmarks.workflow.jobs import Job

STYLES: dict[State, str] = {
    "failed": "bold red",
    "silent": "magenta",
    "interrupted": "yellow",
    "running": "cyan",
    "queued": "blue",
    "waiting": "dim",
    "done": "green",
}
"""In the order in which they are shown: what needs a hand first."""
PLAIN_INTERVAL_S = 20.0
"""Seconds between progress lines where the output is not a terminal."""
MOST_ROWS = 40
WIDE = 110
"""Columns of a terminal that shows the whole table."""
COLUMNS: dict[str, dict[str, Any]] = {
    "job": {"overflow": "fold", "min_width": 14},
    "state": {"no_wrap": True},
    "done": {"no_wrap": True},
    " ": {"min_width": 12},
    "time": {"no_wrap": True, "justify": "right"},
    "left": {"no_wrap": True, "justify": "right"},
    "last write": {"no_wrap": True, "justify": "right"},
    "host": {"no_wrap": True},
}


class Display:
    """Shows a run's progress: a live table in a terminal, a line now and then elsewhere."""

    def __init__(self, run: Path, jobs: tuple[Job, ...], *, slots: Slots, console: Console) -> None:
        self._slots, self._console = slots, console
        self._reader = RunReader(run, jobs)
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._states: dict[str, str] = {}
        self._last_line = -PLAIN_INTERVAL_S

    def __enter__(self) -> "Display":
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.update()
        if self._live:
            self._live.__exit__(None, None, None)

    def update(self, queue: dict[str, str] | None = None) -> list[JobProgress]:
        """Read the run's files, show where it is, and return it."""
        progress = self._reader.read(queue)
        if self._live:
            rows, narrow = max(3, (self._console.height - 16) // 2), self._console.width < WIDE
            self._live.update(overview(progress, self._slots, rows=rows, narrow=narrow), refresh=True)
            return progress
        for entry in progress:
            before = self._states.get(entry.job.name, "waiting")
            if entry.state != before and entry.state not in ("waiting", "queued"):
                spent = f" in {minutes(entry.seconds)}" if entry.state == "done" and before == "running" else ""
                self._console.print(f"{entry.state:>8}  {entry.job.name}{spent}", highlight=False)
            self._states[entry.job.name] = entry.state
        if time.monotonic() - self._last_line > PLAIN_INTERVAL_S:
            self._last_line = time.monotonic()
            self._console.print(summary_line(progress, self._slots), highlight=False)
        return progress


def overview(progress: list[JobProgress], slots: Slots, *, rows: int = MOST_ROWS, narrow: bool = False) -> Group:
    """Build the whole display: what needs a hand and what runs, the kinds of jobs, and one line."""
    parts: list[RenderableType] = []
    if _shown(progress):
        parts = [progress_table(progress, rows=rows, narrow=narrow), ""]
    return Group(*parts, kinds_table(progress), "", summary_line(progress, slots))


def progress_table(
    progress: list[JobProgress], *, everything: bool = False, rows: int = MOST_ROWS, narrow: bool = False
) -> Table:
    """Build the table of jobs; without ``everything`` waiting, queued and finished jobs are only counted.

    ``narrow`` leaves out what a terminal of 80 columns has no room for: the bar and the host.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, options in COLUMNS.items():
        if not narrow or name not in ("done", "host"):
            table.add_column(name.strip(), **options)
    shown = progress if everything else _shown(progress)
    for entry in shown if everything else shown[:rows]:
        cells = _cells(entry)
        table.add_row(*(cells[name] for name in COLUMNS if not narrow or name not in ("done", "host")))
    if not everything and len(shown) > rows:
        table.add_row(Text(f"and {len(shown) - rows} more (--all shows them)", style="dim"))
    return table


def kinds_table(progress: Iterable[JobProgress]) -> Table:
    """Build the table of kinds: how many jobs of each are in which state; a state that no job is in has no column."""
    counts = count_states(progress)
    states = [state for state in ("done", *STYLES) if any(state in count for count in counts.values())]
    states = list(dict.fromkeys(states))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("kind", "jobs", *states):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, count in counts.items():
        cells = [Text(str(count.get(state, "")), style=STYLES[state]) for state in states]
        table.add_row(kind, str(sum(count.values())), *cells)
    return table


def summary_line(progress: list[JobProgress], slots: Slots) -> Text:
    """Build one line: jobs done, what runs, time left."""
    states = Counter(entry.state for entry in progress)
    active = [entry for entry in progress if entry.state == "running"]
    running = ", ".join(f"{e.job.name} ({e.note})" if e.note else e.job.name for e in active[:3])
    line = f"{states['done']} of {len(progress)} jobs done"
    for state in ("failed", "silent", "interrupted", "queued"):
        line += f", {states[state]} {state}" if states[state] else ""
    if running:
        line += f"; running: {running}" + (f" and {len(active) - 3} more" if len(active) > 3 else "")
    if states["done"] < len(progress):
        seen = Slots(max(slots.jobs, len(active)), slots.on_gpus)
        line += f"; about {minutes(seconds_left(progress, seen))} left"
    return Text(line)


def minutes(seconds: float) -> str:
    """Write a duration as people say it: ``45 s``, ``3 min``, ``2 h 5 min``, ``12 d 3 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if hours < 100 else f"{hours // 24} d {hours % 24} h"


def _shown(progress: list[JobProgress]) -> list[JobProgress]:
    order = {state: number for number, state in enumerate(STYLES)}
    shown = [entry for entry in progress if entry.state not in ("waiting", "queued", "done")]
    return sorted(shown, key=lambda entry: order[entry.state])


def _cells(entry: JobProgress) -> dict[str, RenderableType]:
    active = entry.state in ("running", "silent", "interrupted")
    return {
        "job": entry.job.name,
        "state": Text(entry.state, style=STYLES[entry.state]),
        "done": ProgressBar(total=1.0, completed=entry.share, width=8) if entry.share else "",
        " ": entry.note,
        "time": minutes(entry.seconds) if entry.seconds else "",
        "left": f"~{minutes(entry.left_s)}" if active and entry.left_s is not None else "",
        "last write": "" if entry.silent_s is None else _written(entry),
        "host": entry.host,
    }


def _written(entry: JobProgress) -> str:
    silent = entry.silent_s or 0.0
    if entry.state != "silent":
        return f"{minutes(silent)} ago"
    last = time.localtime(time.time() - silent)
    return time.strftime("since %H:%M" if silent < 12 * 3600 else "since %d %b", last)
