"""Choose the checkpoint a training goes on from; a damaged one is set aside, loudly."""

import errno
import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from dataset_converters.atomic import write_json
from trainers.errors import TrainerError

FINAL, LATEST, PREVIOUS, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "previous", "best"))
RECOVERIES = "recoveries.json"
"""Beside the checkpoints: what was damaged, where it lies now, and from which epoch the training went on."""


def damage(path: Path) -> str:
    """Say what is wrong with a checkpoint file, read to its last byte; empty if its checksums hold.

    Checkpoints are replaced whole, so a damaged one was not left by a killed training.

    Raises
    ------
    TrainerError
        The file could not be read (no memory, no file handles, a network or disk error): that says nothing about it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno == errno.EINVAL:  # a flipped offset: no such place in the file
            return f"{type(error).__name__}: {error}"
        raise TrainerError(
            str(path),
            found=f"a checkpoint that cannot be read ({type(error).__name__}: {error})",
            wanted="to read it to its end",
            action="mend what hinders it and start again; move the file away only to go on from an older one",
        ) from error
    except Exception as error:  # a flipped bit leads zipfile to many kinds of error
        return f"{type(error).__name__}: {error}"
    return "" if broken is None else f"wrong checksum of {broken}"


def set_aside(path: Path, fault: str) -> None:
    """Record a damaged checkpoint in ``recoveries.json``, rename it, and say so on standard error.

    The record comes first: a renamed checkpoint without one would look like a training that never began.

    Raises
    ------
    TrainerError
        The record or the new name could not be written; the checkpoint is where it was.
    """
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged{number}")).exists():
        number += 1
    entry = {"damaged": path.name, "fault": fault, "kept_as": kept.name}
    try:
        last = recoveries(path.parent)[-1:]
        if not last or entry != {name: text for name, text in last[0].items() if name != "time"}:
            _record(path.parent, entry)
        os.replace(path, kept)
    except OSError as error:
        raise TrainerError(
            str(path),
            found=f"a damaged checkpoint ({fault}) that cannot be set aside ({error})",
            wanted=f"to record it in {RECOVERIES} and rename it to {kept.name}",
            action="mend what hinders it (room on the disk, rights, file handles) and start again",
        ) from error
    print(f"warning: {path}: damaged checkpoint ({fault}); kept as {kept.name}", file=sys.stderr, flush=True)


def ready_to_resume(folder: Path) -> bool:
    """Leave the newest whole checkpoint where ``--c`` finds it; return whether there is one.

    nnU-Net looks for ``latest``, then ``best``. Each damaged checkpoint is set aside. Where none is whole although
    there was one, the start from zero is said on standard error and recorded.

    Raises
    ------
    TrainerError
        A file cannot be read (nothing is renamed then), or a whole file is not a checkpoint of ours.
    """
    _tell_what_is_not_recorded(folder)
    names = (BEST, LATEST, PREVIOUS)  # of two of one epoch the best: it was written last
    faults = {name: damage(folder / name) for name in names if (folder / name).exists()}
    for name, fault in faults.items():
        if fault:
            set_aside(folder / name, fault)
    epochs = {name: _epoch(folder / name) for name, fault in faults.items() if not fault}
    if not epochs:
        _tell_where_it_goes_on(folder, "no whole checkpoint is left: it starts again from epoch 0")
        return False
    chosen = max(epochs, key=lambda name: epochs[name])
    if chosen == BEST and LATEST in epochs:
        os.replace(folder / LATEST, folder / PREVIOUS)
    if chosen == PREVIOUS:
        os.replace(folder / PREVIOUS, folder / LATEST)
    _tell_where_it_goes_on(folder, f"goes on from epoch {epochs[chosen]} ({chosen})")
    return True


def recoveries(folder: Path) -> list[dict[str, str]]:
    """Return what this training recovered from, in order."""
    try:
        found: list[dict[str, str]] = json.loads((folder / RECOVERIES).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return found


def _tell_what_is_not_recorded(folder: Path) -> None:
    """Say and record which checkpoints were set aside without a record: it was lost, or never written."""
    recorded = {entry.get("kept_as") for entry in recoveries(folder)}
    for kept in sorted(folder.glob("checkpoint_*.pth.damaged*")):
        if kept.name not in recorded:
            fault = f"set aside earlier, not in {RECOVERIES}"
            _record(folder, {"damaged": f"{kept.name.partition('.pth')[0]}.pth", "fault": fault, "kept_as": kept.name})
            print(f"warning: {kept}: damaged checkpoint, {fault}", file=sys.stderr, flush=True)


def _tell_where_it_goes_on(folder: Path, where: str) -> None:
    """Say and record what follows damage; nothing where nothing was damaged since the last time."""
    found = recoveries(folder)
    if found and "went_on" not in found[-1]:
        _record(folder, {"went_on": where})
        print(f"warning: {folder}: {where}", file=sys.stderr, flush=True)


def _record(folder: Path, entry: dict[str, str]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / RECOVERIES, [*recoveries(folder), entry | {"time": now}])


def _epoch(path: Path) -> int:
    from trainers.checkpoint import load_checkpoint

    return int(load_checkpoint(path, mapped=True)["current_epoch"])
