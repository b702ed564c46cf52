"""Choose the checkpoint a training goes on from; a damaged one is set aside, loudly."""

import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from dataset_converters.atomic import write_json

FINAL, LATEST, PREVIOUS, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "previous", "best"))
RECOVERIES = "recoveries.json"
"""Beside the checkpoints: what was damaged, where it lies now, and from which epoch the training went on."""


def damage(path: Path) -> str:
    """Say what is wrong with a checkpoint file, read to its last byte; empty if its checksums hold.

    Checkpoints are replaced whole, so a damaged one was not left by a killed training.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # a flipped bit leads zipfile to many kinds of error
        return f"{type(error).__name__}: {error}"
    return "" if broken is None else f"wrong checksum of {broken}"


def set_aside(path: Path, fault: str) -> None:
    """Rename a damaged checkpoint, say so on standard error, and record it in ``recoveries.json``."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged{number}")).exists():
        number += 1
    os.replace(path, kept)
    _record(path.parent, {"damaged": path.name, "fault": fault, "kept_as": kept.name})
    print(f"warning: {path}: damaged checkpoint ({fault}); kept as {kept.name}", file=sys.stderr, flush=True)


def ready_to_resume(folder: Path) -> bool:
    """Leave the newest whole checkpoint where ``--c`` finds it; return whether there is one.

    nnU-Net looks for ``latest``, then ``best``. Each damaged checkpoint is set aside. Where none is whole although
    there was one, the start from zero is said on standard error and recorded.

    Raises
    ------
    TrainerError
        A whole file is not a checkpoint of ours.
    """
    epochs: dict[str, int] = {}
    for name in (BEST, LATEST, PREVIOUS):  # of two of one epoch the best: it was written last
        path = folder / name
        if not path.exists():
            continue
        if fault := damage(path):
            set_aside(path, fault)
        else:
            epochs[name] = _epoch(path)
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
