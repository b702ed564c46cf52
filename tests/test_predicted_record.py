"""Label maps are made once for each content, and none of other content is left; the model command, without a run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_run import write_tiny_run

from trainers.errors import TrainerError
from trainers.predict.__main__ import find_cases
from trainers.predict.__main__ import main as predict_command
from trainers.predict.ellipsoid import predict_ellipsoid
from trainers.predict.model import find_folds
from trainers.predict.predict import predict_missing
from trainers.predict.predicted import RECORD, PredictionRecord
from trainers.run_folder import open_run


def _make(folder: Path, keys: dict[str, str], *, alone: bool = True) -> list[str]:
    """Bring a folder up to date; return what was really made. A label map holds its key."""
    made = []
    folder.mkdir(exist_ok=True)
    record = PredictionRecord(folder, keys, alone=alone)

    def one(image: str) -> None:
        if keys[image] == "broken":
            raise OSError("unreadable")
        made.append(image)
        record.path(image).write_text(keys[image])

    predict_missing(record, one, "model")
    assert {path.name.removesuffix(".nii.gz"): path.read_text() for path in folder.glob("*.nii.gz")} == keys
    return made


def test_a_label_map_lost_while_others_are_made_is_a_fault(tmp_path: Path) -> None:
    record = PredictionRecord(tmp_path, {"a": "1", "b": "2"})

    def one(image: str) -> None:
        record.path(image).write_text(image)
        if image == "b":
            record.path("a").unlink()

    with pytest.raises(TrainerError, match="a: its label map was removed while others were made"):
        predict_missing(record, one, "model")


def test_only_what_is_missing_or_differs_is_made_and_strangers_go(tmp_path: Path) -> None:
    assert _make(tmp_path, {"a": "1", "b": "2"}) == ["a", "b"]
    assert _make(tmp_path, {"a": "1", "b": "2"}) == []
    assert _make(tmp_path, {"b": "2", "c": "3"}) == ["c"]
    assert _make(tmp_path, {"b": "other", "c": "3"}) == ["b"]
    (tmp_path / "c.nii.gz").write_text("changed by hand")
    (tmp_path / "d.nii.gz").write_text("unrecorded")
    assert _make(tmp_path, {"b": "other", "c": "3", "d": "4"}) == ["c", "d"]


def test_equal_content_is_made_once_and_copied(tmp_path: Path) -> None:
    assert _make(tmp_path, {"a": "1", "b": "1", "c": "2"}) == ["a", "c"]
    assert _make(tmp_path, {"a": "2", "b": "1", "c": "2"}) == []


@pytest.mark.parametrize("record", ["", "[]", '{"a": 3}', '{"a": {"key": "1"}}'])
def test_a_damaged_record_means_everything_is_made_again(tmp_path: Path, record: str) -> None:
    _make(tmp_path, {"a": "1"})
    (tmp_path / RECORD).write_text(record)
    assert _make(tmp_path, {"a": "1"}) == ["a"]


def test_a_failure_and_a_kill_lose_only_what_was_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="b: OSError: unreadable"):
        _make(tmp_path, {"a": "1", "b": "broken", "c": "3"})
    assert _make(tmp_path, {"a": "1", "b": "2", "c": "3"}) == ["b"]
    killed = PredictionRecord(tmp_path, {"a": "new", "b": "new", "c": "3"})
    assert not (tmp_path / "a.nii.gz").exists(), "stale as soon as it is known to be"
    killed.path("a").write_text("new")  # killed before it was recorded
    assert _make(tmp_path, {"a": "1", "b": "2", "c": "3"}) == ["a", "b"]


def test_in_a_users_folder_other_label_maps_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.nii.gz").write_text("mine")
    record = PredictionRecord(tmp_path, {"a": "1"}, alone=False)
    assert record.missing() == ["a"]
    assert (tmp_path / "mine.nii.gz").read_text() == "mine"


def test_in_a_users_folder_only_this_calls_own_images_are_twins(tmp_path: Path) -> None:
    folder, entry = tmp_path / "out", {"key": "1", "label_map_sha256": "0"}
    folder.mkdir()
    (tmp_path / "secret.nii.gz").write_text("secret")
    (folder / "other.nii.gz").write_text("of who knows what")
    (folder / RECORD).write_text(json.dumps({"../secret": entry, "other": entry, "lost": entry, "odd": 1, "bare": {}}))
    record = PredictionRecord(folder, {"a": "1", "b": "1"}, alone=False)
    assert not record.copy_twin("a")
    record.path("a").write_text("1")
    record.add("a")
    assert record.copy_twin("b")
    record.close()
    assert (folder / "b.nii.gz").read_text() == "1"
    assert (folder / "other.nii.gz").read_text() == "of who knows what"
    assert sorted(json.loads((folder / RECORD).read_text())) == ["a", "b", "lost", "other"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("changed")])
def test_a_twin_that_is_gone_or_changed_is_not_copied(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    record = PredictionRecord(tmp_path, {"a": "1", "b": "1"})
    record.path("a").write_text("1")
    record.add("a")
    spoil(record.path("a"))
    assert not record.copy_twin("b")
    assert not record.path("b").exists()


@pytest.mark.parametrize(("image", "ending"), [("../a", ".nii.gz"), ("/a", ".nii.gz"), ("a", "/../../a.nii.gz")])
def test_a_label_map_outside_the_folder_is_refused(tmp_path: Path, image: str, ending: str) -> None:
    with pytest.raises(TrainerError, match="wanted a file name without separators"):
        PredictionRecord(tmp_path, {image: "1"}, ending=ending)


def test_ellipsoid_follows_changed_images(tmp_path: Path) -> None:
    run = open_run(write_tiny_run(tmp_path / "run"))
    model = run.find_model("ellipsoid-centred_ellipsoid-s0-f0", "centred_ellipsoid")
    predict_ellipsoid(run, model)
    folder, (first, second) = run.predictions(model), model["test"]
    before = {image: (folder / f"{image}.nii.gz").stat().st_mtime_ns for image in (first, second)}
    shutil.copyfile(run.image(second).with_name("P1-LK_0000.nii.gz"), run.image(second))
    predict_ellipsoid(run, model)
    after = {image: (folder / f"{image}.nii.gz").stat().st_mtime_ns for image in (first, second)}
    assert after[first] == before[first]
    assert after[second] != before[second]
    images = {second: run.matrix["images"][second] | {"sha256": "of another file"}}
    run.matrix["images"].update(images)  # type: ignore[attr-defined]
    with pytest.raises(TrainerError, match="found another file than the run was assembled from"):
        predict_ellipsoid(run, model)
    assert not (folder / f"{second}.nii.gz").exists()


def test_channels_of_a_case_are_complete(tmp_path: Path) -> None:
    for name in ("a_0000", "a_0001", "b_c_0000", "b_c_0001", "notes"):
        (tmp_path / f"{name}.nii.gz").touch()
    cases = find_cases(tmp_path, ".nii.gz", 2)
    assert {case: [file.name for file in files] for case, files in cases.items()} == {
        "a": ["a_0000.nii.gz", "a_0001.nii.gz"],
        "b_c": ["b_c_0000.nii.gz", "b_c_0001.nii.gz"],
    }
    with pytest.raises(TrainerError, match=r"channels \[0, 1\] of a; wanted every case with 1 files"):
        find_cases(tmp_path, ".nii.gz", 1)
    with pytest.raises(TrainerError, match=r"found no <case>_0000\.nrrd"):
        find_cases(tmp_path, ".nrrd", 1)


def test_folds_are_found_and_what_is_no_model_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for fold in ("fold_0", "fold_2", "fold_all"):
        (tmp_path / fold).mkdir()
        (tmp_path / fold / "checkpoint_final.pth").touch()
    (tmp_path / "fold_1").mkdir()
    assert find_folds(tmp_path) == ("0", "2")
    assert predict_command(["-m", str(tmp_path / "none"), "-i", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "found no fold_<n>/checkpoint_final.pth" in capsys.readouterr().err
    assert predict_command(["-m", str(tmp_path), "-i", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "wanted the folder of a trained model, with plans.json" in capsys.readouterr().err
