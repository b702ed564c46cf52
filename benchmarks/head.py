"""The head of a run: how much it does at a time, and its sign of life; ``head.json``, read by ``status`` anywhere."""

import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.workflow.contents import read_record
from dataset_converters.atomic import write_json

BEAT_S = 10.0
QUIET_S = 60.0
"""A head on another host whose sign has not changed for so long is gone: several beats, and more than NFS caches."""
FILE = "head.json"


@dataclass(frozen=True)
class Slots:
    """How many jobs run at a time, and how many of them on GPUs; 0: GPUs set no limit of their own."""

    jobs: int
    on_gpus: int = 0


class Head:
    """Writes a sign of life while a run is brought up to date; afterwards the file keeps what ran at a time."""

    def __init__(self, run: Path, slots: Slots) -> None:
        self._path, self._content = run / FILE, asdict(slots)
        self._token, self._beats, self._last = uuid.uuid4().hex, 0, -BEAT_S

    def __enter__(self) -> "Head":
        return self

    def __exit__(self, *exception: object) -> None:
        self._write({"beat": None})

    def beat(self) -> None:
        """Change the sign, if the last change is some seconds old."""
        if time.monotonic() - self._last >= BEAT_S:
            self._last, self._beats = time.monotonic(), self._beats + 1
            self._write({"beat": f"{self._token} {self._beats}"})

    def _write(self, sign: dict[str, Any]) -> None:
        try:
            write_json(self._path, self._content | sign)
        except OSError:  # a full disk, a file server that is away: the run itself will say so
            return


def read_slots(run: Path, otherwise: int) -> Slots:
    """Return how much a run does at a time; ``otherwise`` jobs where its head never said."""
    content = read_record(run / FILE)
    jobs, on_gpus = content.get("jobs"), content.get("on_gpus")
    if not isinstance(jobs, int) or not isinstance(on_gpus, int) or jobs < 1:
        return Slots(otherwise)
    return Slots(jobs, on_gpus)


class HeadWatcher:
    """Tells whether a run's head is alive by whether its sign changes, never by a clock: those of nodes differ."""

    def __init__(self, run: Path) -> None:
        self._path = run / FILE
        self._sign, self._since = self._read(), time.monotonic()

    def is_alive(self) -> bool:
        """Look again; a sign counts until it has been the same for a minute."""
        found = self._read()
        if found != self._sign:
            self._sign, self._since = found, time.monotonic()
        return bool(self._sign) and time.monotonic() - self._since < QUIET_S

    def _read(self) -> str:
        return str(read_record(self._path).get("beat") or "")
