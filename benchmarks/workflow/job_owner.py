"""One owner of a job at a time: a lock, and a sign of life that is seen where locks do not reach other hosts."""

import fcntl
import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.workflow.contents import read_record
from dataset_converters.atomic import write_json

FIRST_BEAT_S = 2.0
BEAT_S = 30.0
QUIET_S = 120.0
"""An owner on another host that has not beaten for so long is gone: four beats, and more than NFS caches names."""


@contextmanager
def only_owner(run: Path, name: str) -> Iterator[None]:
    """Hold a job alone; wait for an orphan of a killed run that still works on it, here or on another host.

    The lock suffices where ``flock`` holds between hosts. Where it holds on one host only, ``jobs/<name>.owner``
    changes while the owner lives: a successor on another host waits until it no longer does (judged by whether it
    changes, never by a clock), and an owner that finds another's name there ends at once. Two that start in the same
    moment are thereby one after two seconds.
    """
    path = run / "jobs" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: another process is at it; waiting for its end", file=sys.stderr, flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        owner = run / "jobs" / f"{name}.owner"
        _wait_for_other_host(owner)
        with _beating(owner):
            yield


def beats(run: Path, name: str) -> bool:
    """Say whether a job's owner, wherever it runs, has lately shown a sign of life."""
    try:
        return time.time() - (run / "jobs" / f"{name}.owner").stat().st_mtime < QUIET_S
    except FileNotFoundError:
        return False


def _wait_for_other_host(owner: Path) -> None:
    seen = _read_sign(owner)
    if not seen or seen["host"] == platform.node():  # of this host the lock told
        return
    print(f"{owner}: last held on {seen['host']}; waiting until it is quiet", file=sys.stderr, flush=True)
    since = time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(min(2.0, QUIET_S / 10))
        found = _read_sign(owner)
        if not found:
            return
        if found != seen:
            seen, since = found, time.monotonic()


def _read_sign(owner: Path) -> dict[str, Any]:
    """Read a sign of life; one without a name and a host is damaged, and none."""
    sign = read_record(owner)
    return sign if all(isinstance(sign.get(name), str) for name in ("token", "host")) else {}


@contextmanager
def _beating(owner: Path) -> Iterator[None]:
    sign = {"token": uuid.uuid4().hex, "host": platform.node(), "pid": os.getpid()}
    write_json(owner, sign | {"beat": 0})
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(owner, sign, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if read_record(owner).get("token") == sign["token"]:
            owner.unlink(missing_ok=True)


def _beat(owner: Path, sign: dict[str, Any], ended: threading.Event) -> None:
    beat, pause = 0, FIRST_BEAT_S
    while not ended.wait(pause):
        beat, pause = beat + 1, BEAT_S
        try:
            found = _read_sign(owner)
            if found and found["token"] != sign["token"]:
                print(f"{owner}: taken over on {found['host']}; ending here", file=sys.stderr, flush=True)
                os._exit(1)  # the job's command ends with this process
            write_json(owner, sign | {"beat": beat})
        except OSError:  # a full disk, a file server that is away: the next beat tries again
            continue
