"""Preprocessed files that are lost, damaged or swapped: no training starts on them, preparing makes them again."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_run import NNUNET, TRAINER, write_tiny_run

from trainers.errors import TrainerError
from trainers.prepare import prepare
from trainers.preprocessed_cases import RECORD, refuse_changed_cases
from trainers.run_folder import open_run
from trainers.train import train

pytestmark = pytest.mark.usefixtures("kept_environment")
BASE = Path("nnUNet_preprocessed") / NNUNET
FOLDER = BASE / "nnUNetPlans_2d"
CASE = "source_P2-LK"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_tiny_run(tmp_path_factory.mktemp("prepared") / "run", patients=4)
    before = dict(os.environ)
    prepare(open_run(run))
    os.environ.clear()
    os.environ.update(before)
    return run


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "run"))


def _start(run: Path, arm: str = "LK") -> None:
    opened = open_run(run)
    train(opened, opened.find_model(f"{arm}-{TRAINER}-s0-f0", "trained"), "cpu")


def _check(run: Path, arm: str = "LK") -> None:
    opened = open_run(run)
    refuse_changed_cases(opened, opened.find_model(f"{arm}-{TRAINER}-s0-f0", "trained"))


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    """Flip a bit; size and modification time stay."""
    content, before = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(path: Path) -> None:
    shutil.copyfile(path.with_name(path.name.replace("P2", "P3")), path)


@pytest.mark.parametrize(
    ("spoil", "part"), [(lose, ".b2nd"), (cut, "_seg.b2nd"), (flip, ".b2nd"), (swap, ".b2nd"), (lose, ".pkl")]
)
def test_a_changed_part_stops_a_training_and_is_made_again(run: Path, spoil: Any, part: str) -> None:
    path = run / FOLDER / f"{CASE}{part}"
    others = {file: file.stat().st_mtime_ns for file in (run / FOLDER).iterdir() if CASE not in file.name}
    spoil(path)
    with pytest.raises(TrainerError, match=rf"{CASE}: found .*{re.escape(path.name)}.*--renew prepare"):
        _start(run)
    prepare(open_run(run))
    _check(run)
    assert {file: file.stat().st_mtime_ns for file in others} == others


def test_only_cases_of_the_fold_stop_a_training(run: Path) -> None:
    flip(run / FOLDER / "source_P2-MK.b2nd")
    _check(run, "LK")
    with pytest.raises(TrainerError, match="source_P2-MK"):
        _check(run, "both")


def test_what_looks_unchanged_is_not_read_before_a_training(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.preprocessed_cases.sha256_of", lambda path: pytest.fail(f"read {path}"))
    _check(prepared)


def test_records_of_earlier_versions_stay_valid(run: Path) -> None:
    record = json.loads((run / BASE / RECORD).read_text())
    (run / BASE / RECORD).write_text(json.dumps({case: entry["key"] for case, entry in record.items()}))
    before = {path: path.stat().st_mtime_ns for path in (run / BASE).rglob("*") if path.is_file()}
    _check(run)
    prepare(open_run(run))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    lose(run / FOLDER / f"{CASE}.b2nd")
    with pytest.raises(TrainerError, match=rf"{CASE}: found no .*{CASE}\.b2nd"):
        _check(run)


@pytest.mark.parametrize("content", ["", "[]", f'{{"{CASE}": {{"parts": 3}}}}'])
def test_a_damaged_record_stops_a_training_and_is_made_again(run: Path, content: str) -> None:
    (run / BASE / RECORD).write_text(content)
    with pytest.raises(TrainerError, match="found no"):
        _check(run)
    prepare(open_run(run))
    _check(run)
