"""The run folder: the frozen study, data folder and device, and who works in it."""

import dataclasses
import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.configurations import budget_record, with_three_d_of
from benchmarks.run_sources import Sources, other_sources, read_sources, recorded_settings, take_over_moved
from benchmarks.study import Arm, DatasetUse, Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow.contents import read_record
from benchmarks.workflow.jobs import Job, list_jobs
from dataset_converters.atomic import write_bytes, write_json

FIXED = ("name", "dataset_id", "structures", "split", "budgets", "equal_arms")
"""Parts of a study that every model of a run shares: a run made with others cannot be continued."""
WORDS = {"label": "", "recipe": ""}
"""Parts of a record that only tables show; they may change."""


def open_run(study_file: Path, run: Path, *, data: Path | None, device: str) -> tuple[Sources, tuple[Job, ...]]:
    """Create or re-open a run folder for a study and freeze what its jobs read.

    A re-opened run may gain arms, trainers, seeds, test sets and tables; what all its models share must be the same.

    Raises
    ------
    StudyError
        If the study is wrong or the folder belongs to a study, device or data folder that differs.
    """
    study = checked_study(study_file, run, data=data, device=device)
    sources = read_sources(study, study_file, run, data=data)
    run.mkdir(parents=True, exist_ok=True)
    jobs = list_jobs(study, device)
    take_over_moved(run, sources)
    for name, content in sources.files.items():
        _write_if_changed(run / name, content)
    recorded = recorded_settings(run).get("data", "")
    settings = {"study": study.name, "device": device, "data": str(data.resolve()) if data else recorded}
    _write_if_changed(run / "run.json", settings)
    frozen, content = run / "study.toml", study_file.read_bytes()
    if not frozen.exists() or frozen.read_bytes() != content:
        write_bytes(frozen, content)
    workflow = {"device": device, "budget": budget_record(study.budgets[device])}
    _write_if_changed(run / "workflow.json", workflow | {"jobs": [dataclasses.asdict(job) for job in jobs]})
    return sources, jobs


def checked_study(study_file: Path, run: Path, *, data: Path | None, device: str) -> Study:
    """Read a study and make sure that it can be run in this folder.

    Raises
    ------
    StudyError
        As ``open_run``.
    """
    study = load_study(study_file)
    if run.exists() and not run.is_dir():
        raise StudyError(f"{run}: not a folder; give an empty or new --out")
    if device not in study.budgets:
        raise StudyError(f"{study_file}: no [budgets.{device}]; it has: {', '.join(study.budgets)}")
    if (run / "study.toml").exists():
        _refuse_other_run(study, run, data=data, device=device)
    elif run.exists() and any(entry.name != ".lock" for entry in run.iterdir()):
        raise StudyError(f"{run}: not empty and not a run of ours; give an empty or new --out")
    return study


def list_differences(frozen: Study, study: Study, *, device: str = "") -> list[str]:
    """List what a changed study may not change in a run: shared settings, and datasets and arms that are there.

    Of the budgets only that of the run's device counts, if it is given.
    """
    before, now = (dataclasses.replace(e, split=dataclasses.replace(e.split, run_folds=())) for e in (frozen, study))
    if device:
        before, now = (
            dataclasses.replace(e, budgets={k: v for k, v in e.budgets.items() if k == device}) for e in (before, now)
        )
    before = dataclasses.replace(before, budgets=with_three_d_of(before.budgets, now.budgets))
    different = [f"[{name}]" for name in FIXED if getattr(before, name) != getattr(now, name)]
    if frozen.image.hu_window != study.image.hu_window:
        different.append("[image.hu_window]")
    for where, known_before, after in (
        ("datasets", frozen.datasets, study.datasets),
        ("arms", frozen.arms, study.arms),
    ):
        known = {entry.name: _without_words(entry) for entry in known_before}
        different += [f"[{where}.{e.name}]" for e in after if known.get(e.name, _without_words(e)) != _without_words(e)]
    return different


def _without_words(entry: DatasetUse | Arm) -> DatasetUse | Arm:
    words = {name: value for name, value in WORDS.items() if hasattr(entry, name)}
    return dataclasses.replace(entry, **words)  # type: ignore[arg-type]


@contextmanager
def lock_run(run: Path) -> Iterator[None]:
    """Hold the run folder alone; the lock ends with the process, however it ends.

    Raises
    ------
    StudyError
        If another process holds it.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StudyError(f"{run}: not a folder; give an empty or new --out") from None
    with (run / ".lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"{run}: another run is working here; wait for it, or look at it with status") from None
        yield


def _refuse_other_run(study: Study, run: Path, *, data: Path | None, device: str) -> None:
    settings = recorded_settings(run)
    if settings.get("device", device) != device:
        raise StudyError(f"{run}: runs on {settings['device']}, asked for {device}; give another --out")
    differences = list_differences(load_study(run / "study.toml"), study, device=device)
    if differences:
        raise StudyError(f"{run}: was made with another {'; another '.join(differences)}; give another --out")
    before = settings.get("data", "")
    if data and before not in ("", str(data.resolve())) and (others := other_sources(study, run, data)):
        raise StudyError(
            f"{run}: reads {before}, asked for {data.resolve()}, where names, sizes or times of files differ in "
            f"{', '.join(others)}; move or copy the folder with its times (cp -a), or give another --out"
        )


def _write_if_changed(path: Path, content: Any) -> None:
    """Keep the file's time when nothing changed: the engine looks at it."""
    if read_record(path) != json.loads(json.dumps(content)):
        write_json(path, content)
