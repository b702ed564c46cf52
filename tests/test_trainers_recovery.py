"""Damaged checkpoints: kept aside, the newest whole one goes on, from zero only loudly; the result stays the same."""

import errno
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from test_trainers_training import FOLD, make_trainer, same_model, stop_after, train_model
from tiny_run import write_tiny_run

from trainers.checkpoint import load_checkpoint
from trainers.errors import TrainerError
from trainers.prepare import prepare
from trainers.recovery import BEST, FINAL, LATEST, PREVIOUS, RECOVERIES, damage, ready_to_resume, recoveries, set_aside
from trainers.run_folder import open_run

pytestmark = pytest.mark.usefixtures("kept_environment")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_tiny_run(tmp_path_factory.mktemp("prepared") / "run", iterations=8, augmentation="geometric")
    before = dict(os.environ)
    prepare(open_run(run))
    os.environ.clear()
    os.environ.update(before)
    return run


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "run"))
    before = dict(os.environ)
    train_model(run)
    os.environ.clear()
    os.environ.update(before)
    return run


@pytest.fixture(scope="module")
def stopped(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose training died in its fourth epoch: latest after three, previous after two."""
    run = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("stopped") / "run"))
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(KeyboardInterrupt):
            train_model(run)
    os.environ.clear()
    os.environ.update(before)
    return run


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def flip(path: Path) -> None:
    """Flip a bit in the middle, where the weights are; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_the_checkpoint_before_the_latest_is_kept_until_the_end(stopped: Path, undisturbed: Path) -> None:
    epochs = [load_checkpoint(stopped / FOLD / name)["current_epoch"] for name in (LATEST, PREVIOUS)]
    assert epochs == [3, 2]
    assert sorted(path.name for path in (undisturbed / FOLD).glob("*.pth")) == [BEST, FINAL]
    assert not recoveries(undisturbed / FOLD)


@pytest.mark.parametrize("spoil", [cut, flip])
def test_a_damaged_latest_is_set_aside_and_the_one_before_goes_on(
    run: Path, undisturbed: Path, spoil: object, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / FOLD / BEST).unlink()
    spoil(run / FOLD / LATEST)  # type: ignore[operator]
    train_model(run)
    same_model(undisturbed, run)
    assert (run / FOLD / f"{LATEST}.damaged1").exists()
    assert [entry.get("damaged") or entry["went_on"] for entry in recoveries(run / FOLD)] == [
        LATEST,
        f"goes on from epoch 2 ({PREVIOUS})",
    ]
    told = capsys.readouterr().err
    assert "damaged checkpoint" in told
    assert "goes on from epoch 2" in told


def test_without_a_whole_checkpoint_it_starts_from_zero_and_says_so(
    run: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (LATEST, PREVIOUS, BEST):
        cut(run / FOLD / name)
    train_model(run)
    same_model(undisturbed, run)
    assert "starts again from epoch 0" in capsys.readouterr().err
    assert "epoch 0" in recoveries(run / FOLD)[-1]["went_on"]


def test_a_final_checkpoint_damaged_afterwards_is_made_again(undisturbed: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    flip(run / FOLD / FINAL)
    train_model(run)
    same_model(undisturbed, run)
    assert (run / FOLD / f"{FINAL}.damaged1").exists()


def test_the_best_goes_on_where_it_is_newer_than_the_latest(run: Path) -> None:
    shutil.copyfile(run / FOLD / LATEST, run / FOLD / BEST)
    os.replace(run / FOLD / PREVIOUS, run / FOLD / LATEST)
    assert ready_to_resume(run / FOLD)
    assert sorted(path.name for path in (run / FOLD).glob("*.pth")) == [BEST, PREVIOUS]


def test_more_epochs_than_the_budget_is_an_error(run: Path) -> None:
    content = torch.load(run / FOLD / LATEST, weights_only=True)
    torch.save(content | {"current_epoch": 9}, run / FOLD / LATEST)
    with pytest.raises(TrainerError, match="found 9 finished epochs; wanted at most 4"):
        train_model(run)
    assert (run / FOLD / LATEST).exists()


@pytest.mark.parametrize("place", [0.001, 0.1, 0.5, 0.9])
def test_a_flipped_bit_anywhere_in_a_record_is_seen(run: Path, place: float) -> None:
    path = run / FOLD / LATEST
    assert damage(path) == ""
    content = bytearray(path.read_bytes())
    content[int(place * len(content)) + 40] ^= 1
    path.write_bytes(content)
    assert damage(path) or torch.load(path, weights_only=True)  # padding between records holds nothing


def test_the_trainer_keeps_a_checkpoint_whatever_happens_between_two_renamings(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Latest has become previous, and the process dies before the new latest has its name."""
    trainer = make_trainer(run)
    trainer.initialize()
    calls: list[Path] = []
    original = os.replace

    def replace(source: object, target: object) -> None:
        calls.append(Path(str(target)))
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        trainer.save_checkpoint(str(run / FOLD / LATEST))
    monkeypatch.undo()
    (run / FOLD / BEST).unlink()
    assert [path.name for path in calls] == [PREVIOUS, LATEST]
    assert ready_to_resume(run / FOLD)
    assert load_checkpoint(run / FOLD / LATEST)["current_epoch"] == 3


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "too many"), OSError(errno.ESTALE, "stale"), MemoryError()])
def test_a_passing_error_while_reading_is_not_damage(
    run: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first checkpoint that is read is really damaged, the second cannot be read: neither is renamed."""
    cut(run / FOLD / BEST)
    before = sorted(path.name for path in (run / FOLD).iterdir())
    original = zipfile.ZipFile

    def fail(path: Path) -> zipfile.ZipFile:
        if path.name == LATEST:
            raise error
        return original(path)

    monkeypatch.setattr(zipfile, "ZipFile", fail)
    with pytest.raises(TrainerError, match=f"{LATEST}: found a checkpoint that cannot be read"):
        ready_to_resume(run / FOLD)
    assert sorted(path.name for path in (run / FOLD).iterdir()) == before


def test_a_checkpoint_keeps_its_name_until_its_damage_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / LATEST
    path.write_bytes(b"damaged")
    (tmp_path / RECOVERIES).mkdir()  # no file of that name can be written
    with pytest.raises(TrainerError, match="cannot be set aside"):
        set_aside(path, "cut")
    assert path.exists()
    (tmp_path / RECOVERIES).rmdir()
    monkeypatch.setattr(os, "replace", _killed_at(path, os.replace))
    with pytest.raises(KeyboardInterrupt):
        set_aside(path, "cut")
    monkeypatch.undo()
    set_aside(path, "cut")
    assert [entry["kept_as"] for entry in recoveries(tmp_path)] == [f"{LATEST}.damaged1"]
    assert (tmp_path / f"{LATEST}.damaged1").exists()


def _killed_at(path: Path, original: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    def replace(source: Path, target: Path) -> None:
        if source == path:
            raise KeyboardInterrupt
        original(source, target)

    return replace


def test_what_lies_aside_without_a_record_is_spoken_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{LATEST}.damaged1").write_bytes(b"damaged")
    assert not ready_to_resume(tmp_path)
    told = capsys.readouterr().err
    assert f"{LATEST}.damaged1: damaged checkpoint, set aside earlier" in told
    assert "starts again from epoch 0" in told
    assert [entry.get("kept_as", entry.get("went_on", ""))[:22] for entry in recoveries(tmp_path)] == [
        f"{LATEST}.damaged1"[:22],
        "no whole checkpoint is",
    ]
    assert not ready_to_resume(tmp_path)
    assert capsys.readouterr().err == ""
