"""What every preprocessed file was when it was made: ``preprocessed_cases.json``, so that none is lost or swapped.

Each configuration of nnU-Net has files and a record of its own; in 3D that is ``preprocessed_cases_3d_fullres.json``.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dataset_converters.volumes.nifti import sha256_of
from trainers.errors import TrainerError
from trainers.run_folder import SLICES, RunFolder, configuration_of
from trainers.splits import fold_of

PARTS = (".b2nd", "_seg.b2nd", ".pkl")
RECORD = "preprocessed_cases.json"


def record_name(configuration: str) -> str:
    """Return the name of a configuration's record in the folder of the preprocessed dataset."""
    return RECORD if configuration == SLICES else f"preprocessed_cases_{configuration}.json"


def read_cases(preprocessed_dataset: Path, configuration: str = SLICES) -> dict[str, Any]:
    """Return the record by case; empty where there is none that can be read: every case is made again then.

    An entry holds the ``key`` of what the case was made from and, for each of its ``parts``, how the file looked (size,
    times, inode) and its hash. Earlier versions wrote the key alone, as text.
    """
    try:
        content = json.loads((preprocessed_dataset / record_name(configuration)).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def entry_of(folder: Path, case: str, key: str) -> dict[str, Any]:
    """Return what is recorded of a case that lies in a folder."""
    paths = {part: folder / f"{case}{part}" for part in PARTS}
    return {"key": key, "parts": {part: [*_look(path), sha256_of(path)] for part, path in paths.items()}}


def fault_of(folder: Path, case: str, entry: Any, *, read_all: bool) -> str:
    """Say which part of a case is missing or another file than was recorded; empty if none is.

    Parameters
    ----------
    read_all : bool
        Read every part; else only those that look different than when they were recorded.
    """
    parts = entry.get("parts") if isinstance(entry, dict) else {}
    for part in PARTS:
        path = folder / f"{case}{part}"
        if not path.is_file():
            return f"no {path}"
        if isinstance(entry, str):
            continue
        known = parts.get(part) if isinstance(parts, dict) else None
        if not isinstance(known, list) or len(known) != 5:
            return f"no hash of {path}"
        look = _look(path)
        if look[0] != known[0] or ((read_all or look != known[:4]) and sha256_of(path) != known[4]):
            return f"another file than was written: {path}"
    return ""


def refuse_changed_cases(run: RunFolder, model: Mapping[str, Any]) -> None:
    """Raise ``TrainerError`` if a case of a model's fold is not as it was preprocessed; read only what looks changed.

    A run without plans or splits is left to the trainer, which says so.
    """
    base = run.preprocessed_dataset
    plans, splits = base / f"{model['plans_name']}.json", base / f"splits_{model['plans_name']}.json"
    if not (plans.is_file() and splits.is_file()):
        return
    configuration = configuration_of(model)
    folder = base / json.loads(plans.read_text(encoding="utf-8"))["configurations"][configuration]["data_identifier"]
    split = fold_of(json.loads(splits.read_text(encoding="utf-8")), model["fold"], str(splits))
    _refuse(folder, base, configuration, [*split["train"], *split["val"]])


def _refuse(folder: Path, base: Path, configuration: str, cases: Iterable[str]) -> None:
    record, unknown = read_cases(base, configuration), f"no record in {record_name(configuration)}"
    for case in cases:
        fault = fault_of(folder, case, record[case], read_all=False) if case in record else unknown
        if fault:
            raise TrainerError(
                case,
                found=fault,
                wanted="the case as it was preprocessed",
                action="make what differs again: `python -m benchmarks run STUDY --out RUN --renew prepare`",
            )


def _look(path: Path) -> list[int]:
    facts = path.stat()
    # the change time too: it moves with every write, also where a program sets the modification time back
    return [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
