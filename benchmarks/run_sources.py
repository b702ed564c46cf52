"""The source data of a run: where it lies, its state, and what goes on when it was moved or is gone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.derived_files import file_hashes, placed_derive
from benchmarks.study import DatasetUse, Study
from benchmarks.study_file import StudyError
from benchmarks.workflow.contents import read_record
from benchmarks.workflow.jobs import dataset_id
from dataset_converters.atomic import write_json
from dataset_converters.volumes.nifti import sha256_of
from dataset_converters.writing.provenance import source_fingerprint

FINGERPRINT = "names_sizes_times_sha256"


@dataclass(frozen=True)
class Sources:
    """What a run writes about its sources.

    Attributes
    ----------
    files : mapping
        File to content: how each source is converted (``specs``), and its state (``sources``).
    moved : tuple of str
        Datasets that lie elsewhere than when they were converted and are the same.
    notes : tuple of str
        What to tell about sources that are gone.
    """

    files: dict[str, Any]
    moved: tuple[str, ...]
    notes: tuple[str, ...]


def read_sources(study: Study, study_file: Path, run: Path, *, data: Path | None) -> Sources:
    """Look at each source; one that is gone stays as recorded where its conversion is done.

    Raises
    ------
    StudyError
        The data folder, or a file that the study names, is not there.
    """
    folders = _folders_or_recorded(study, run, data)
    files: dict[str, Any] = {}
    moved, gone = [], []
    for use in study.datasets:
        spec, source = _recorded(run, use)
        lost = bool(spec) and not folders[use.name].is_dir()
        folder = Path(spec["root"]) if lost else folders[use.name]
        lost = lost and not folder.is_dir()
        new_spec, new_source = _described(use, study_file, run, folder, spec if lost else {}, source if lost else {})
        if spec and new_spec["root"] != spec["root"] and new_source == source and _same_but_root(spec, new_spec):
            moved.append(use.name)
        if lost and (data or recorded_settings(run).get("data")):
            gone.append(f"dataset {use.name}: {folder} is gone; what needs no conversion goes on without it")
        files |= {f"specs/{use.name}.json": new_spec, f"sources/{use.name}.json": new_source}
    return Sources(files, tuple(moved), tuple(gone))


def take_over_moved(run: Path, sources: Sources) -> None:
    """Write the new place of sources that only moved, and let the records of their conversions know."""
    for dataset in sources.moved:
        name = f"specs/{dataset}.json"
        before = sha256_of(run / name)
        write_json(run / name, sources.files[name])
        after = sha256_of(run / name)
        for path in (run / folder / f"convert-{dataset}.json" for folder in ("jobs", "done")):
            record = read_record(path)
            if record.get("inputs", {}).get(name) == before:
                write_json(path, record | {"inputs": record["inputs"] | {name: after}})


def source_folders(study: Study, run: Path, data: Path | None) -> dict[str, Path]:
    """Find where each dataset lies: below --data, or --data itself for a study of one dataset.

    Raises
    ------
    StudyError
        The data folder is not there.
    """
    recorded = recorded_settings(run).get("data", "")
    if data is None and recorded:
        data = Path(recorded)
    if data is not None and not data.is_dir():
        raise StudyError(f"data folder {data}: no such folder; give the folder with {_names(study)}")
    folders = {}
    for use in study.datasets:
        below = (data or run) / use.folder
        folders[use.name] = data if data and len(study.datasets) == 1 and not below.is_dir() else below
    return {name: folder.resolve() for name, folder in folders.items()}


def other_sources(study: Study, run: Path, data: Path) -> list[str]:
    """List the converted datasets that are not the same (names, sizes, times of files) in a data folder."""
    folders = source_folders(study, run, data)
    recorded = {use.name: _recorded(run, use)[1] for use in study.datasets}
    return [
        name
        for name, source in recorded.items()
        if source and source_fingerprint(folders[name], without=run) != source.get(FINGERPRINT)
    ]


def recorded_settings(run: Path) -> dict[str, str]:
    """Return the device and data folder a run was started with; empty for a new run."""
    settings = {name: str(value) for name, value in read_record(run / "run.json").items()}
    frozen = read_record(run / "workflow.json").get("device")
    return settings if "device" in settings or not isinstance(frozen, str) else settings | {"device": frozen}


def _folders_or_recorded(study: Study, run: Path, data: Path | None) -> dict[str, Path]:
    """Return the folders as recorded where the whole data folder is gone and nothing is left to convert."""
    recorded = recorded_settings(run).get("data", "")
    specs = {use.name: _recorded(run, use)[0] for use in study.datasets}
    if recorded and not Path(recorded).is_dir() and (data is None or str(data.resolve()) == recorded):
        if missing := [name for name, spec in specs.items() if not spec]:
            raise StudyError(
                f"data folder {recorded}: no such folder, and not yet converted: {', '.join(missing)}; "
                f"give the folder with {_names(study)} as --data"
            )
        return {name: Path(spec["root"]) for name, spec in specs.items()}
    return source_folders(study, run, data)


def _recorded(run: Path, use: DatasetUse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a finished conversion was made from (spec, source); empty if there is none."""
    spec, source = read_record(run / "specs" / f"{use.name}.json"), read_record(run / "sources" / f"{use.name}.json")
    records = [read_record(run / folder / f"convert-{use.name}.json") for folder in ("done", "jobs")]
    made = any("done" in (record.get("state"), record.get("state_before")) for record in records)
    whole = isinstance(spec.get("root"), str) and isinstance(source.get(FINGERPRINT), str)
    return (spec, source) if made and whole else ({}, {})


def _described(
    use: DatasetUse, study_file: Path, run: Path, folder: Path, spec: dict[str, Any], source: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return spec and source of a dataset; of one that is gone, ``spec`` and ``source`` as they were recorded."""
    fingerprint = source[FINGERPRINT] if source else source_fingerprint(folder, without=run)
    try:
        placed = placed_derive(use, study_file, folder)
    except StudyError:
        if not spec:
            raise
        return spec, source
    described = {
        "converter": use.converter,
        "root": str(folder),
        "out": ".",
        "nnunet_name": use.name,
        "dataset_id": dataset_id(use),
        "training_reader": use.training_reader,
        "options": _plain(use.options),
        "exclude": dict(use.exclude),
        "derive": _plain(placed),
    }
    named = {"files": hashes} if (hashes := file_hashes(placed)) else {}
    return described, {FINGERPRINT: fingerprint, **named}


def _same_but_root(spec: dict[str, Any], new: dict[str, Any]) -> bool:
    """Say whether two specs are one when paths below the old root are read as below the new one."""
    old_root, new_root = (json.dumps(entry["root"])[1:-1] for entry in (spec, new))
    return bool(json.loads(json.dumps(spec).replace(old_root, new_root)) == json.loads(json.dumps(new)))


def _names(study: Study) -> str:
    return ", ".join(use.folder for use in study.datasets)


def _plain(options: Any) -> Any:
    if isinstance(options, dict) or hasattr(options, "items"):
        return {key: _plain(value) for key, value in options.items()}
    return [_plain(value) for value in options] if isinstance(options, list | tuple) else options
