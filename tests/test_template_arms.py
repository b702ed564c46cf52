"""Arms with templates in a study: their members, splits, jobs and what a study may not ask for."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_assemble import _convert_all

from analysis.table_parts.model_rows import model_rows
from benchmarks.assemble import assemble
from benchmarks.study import TemplateArm
from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow.freshness import input_hashes
from benchmarks.workflow.jobs import Job, list_jobs

STUDY = """
name = "templates"
title = "Two arms, one of them on templates"
dataset_id = 951
[structures]
lung = ["right_lung", "left_lung"]
disease = ["ground_glass", "reticulation", "consolidation", "honeycombing"]
[[datasets]]
name = "phantom"
options = { train_patients = 5, test_patients = 2, size_zyx = [8, 32, 32], seed = 3, readers = 1 }
[[arms]]
name = "atlas"
label = "AtlasNet"
variants = ["LK"]
trainers = ["nnUNetTrainerAtlasNet"]
templates = { count = 2 }
[[arms]]
name = "plain"
variants = ["LK"]
trainers = ["nnUNetTrainerSScUNet"]
[[trainers]]
name = "nnUNetTrainerAtlasNet"
[[trainers]]
name = "nnUNetTrainerSScUNet"
[[test_sets]]
name = "LK"
variants = ["LK"]
arms = ["atlas", "plain"]
[split]
kind = "roles"
[budgets.cpu]
iterations = 2
iterations_per_epoch = 1
validation_iterations = 1
batch_size = 2
width = 4
patch_size = [32, 32]
spacing_mm = [10.0, 10.0]
"""


def _write(folder: Path, *changes: tuple[str, str]) -> Path:
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an assembled run."""
    folder = tmp_path_factory.mktemp("templates")
    _convert_all(_write(folder), folder / "run", None)
    assemble(folder / "run")
    return folder / "run"


def _matrix(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "matrix.json").read_text())
    return content


def test_an_arm_is_followed_by_those_its_templates_make(tmp_path: Path) -> None:
    study = load_study(_write(tmp_path))
    assert [(arm.name, arm.label, arm.recipe) for arm in study.arms] == [
        ("atlas", "AtlasNet", "atlas"),
        ("atlas-T1", "AtlasNet, template 1", "atlas-T1"),
        ("atlas-T2", "AtlasNet, template 2", "atlas-T2"),
        ("plain", "plain", "plain"),
    ]
    members = [arm for arm in study.arms if isinstance(arm, TemplateArm)]
    assert [(arm.ensemble, arm.number) for arm in members] == [("atlas", 1), ("atlas", 2)]
    assert [arm.name for arm in study.trained_arms()] == ["atlas-T1", "atlas-T2", "plain"]


def test_members_train_on_the_same_patients_warped_and_predict_what_their_vote_needs(run: Path) -> None:
    matrix = _matrix(run)
    plans = {plan["arm"]: plan["splits"][0] for plan in matrix["plans"]}
    assert sorted(plans) == ["atlas-T1", "atlas-T2", "plain"]
    for side in ("train", "val"):
        plain = plans["plain"][side]
        assert plans["atlas-T2"][side] == [f"{image}-atlas-T2-f0" for image in plain]
        assert [matrix["warped_images"][image]["of"] for image in plans["atlas-T2"][side]] == plain
    models = {model["model"]: model for model in matrix["models"]}
    vote = models["atlas-nnUNetTrainerAtlasNet-s0-f0"]
    members = ["atlas-T1-nnUNetTrainerAtlasNet-s0-f0", "atlas-T2-nnUNetTrainerAtlasNet-s0-f0"]
    assert (vote["kind"], vote["members"]) == ("vote", members)
    # the test set names the vote only: its members must be predicted all the same
    assert models[members[0]]["test"] == vote["test"] == ["phantom_P006-LK", "phantom_P007-LK"]
    assert models[members[1]]["template"] == {"set": "atlas-f0", "number": 2}
    assert sorted(models) == sorted([*members, vote["model"], "plain-nnUNetTrainerSScUNet-s0-f0"])


def test_nnunet_is_told_of_warped_images_and_of_no_image_nobody_trains_on(run: Path) -> None:
    raw = run / "nnUNet_raw" / "Dataset951_templates"
    listed = json.loads((raw / "dataset.json").read_text())["dataset"]
    matrix = _matrix(run)
    assert listed.keys() == {
        image for plan in matrix["plans"] for s in plan["splits"] for image in s["train"] + s["val"]
    }
    entry = listed["phantom_P001-LK-atlas-T1-f0"]
    assert (raw / entry["label"]).resolve() == (run / matrix["warped_images"]["phantom_P001-LK-atlas-T1-f0"]["label"])


def test_plans_change_with_what_templates_are_made_from(run: Path, tmp_path: Path) -> None:
    before = {plan["arm"]: plan["content"] for plan in _matrix(run)["plans"]}
    named = 'templates = { images = ["phantom_P001-LK", "phantom_P003-LK"] }'
    _convert_all(_write(tmp_path, ("templates = { count = 2 }", named)), tmp_path / "run", None)
    assemble(tmp_path / "run")
    after = {plan["arm"]: plan["content"] for plan in _matrix(tmp_path / "run")["plans"]}
    assert before["plain"] == after["plain"]
    assert before["atlas-T1"] != after["atlas-T1"]
    assert before["atlas-T1"] != before["atlas-T2"]


def _jobs(path: Path) -> dict[str, Job]:
    return {job.name: job for job in list_jobs(load_study(path), "cpu")}


def test_jobs_wait_for_what_they_read(run: Path) -> None:
    jobs = _jobs(run / "study.toml")
    assert jobs["warp-atlas-f0-T2"].needs == ("templates-atlas-f0",)
    assert {"warp-atlas-f0-T1", "warp-atlas-f0-T2"} < set(jobs["prepare"].needs)
    member = jobs["predict-atlas-T2-nnUNetTrainerAtlasNet-s0-f0"]
    assert member.needs == ("train-atlas-T2-nnUNetTrainerAtlasNet-s0-f0", "warp-atlas-f0-T2")
    assert jobs["predict-atlas-nnUNetTrainerAtlasNet-s0-f0"].needs == (
        "predict-atlas-T1-nnUNetTrainerAtlasNet-s0-f0",
        member.name,
    )
    assert "predict-atlas-nnUNetTrainerAtlasNet-s0-f0" in jobs["evaluate"].needs
    assert "train-plain-nnUNetTrainerAtlasNet-s0-f0" not in jobs


def test_a_new_test_image_is_registered_and_chooses_no_other_templates(run: Path, tmp_path: Path) -> None:
    jobs = _jobs(run / "study.toml")
    matrix = _matrix(run)
    choose, warp = jobs["templates-atlas-f0"], jobs["warp-atlas-f0-T1"]
    before = input_hashes(run, choose), input_hashes(run, warp)
    assert all(before[0].values())
    matrix["templates"][0]["test"].append("phantom_P001-MK")
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "matrix.json").write_text(json.dumps(matrix))
    assert input_hashes(copy, choose) == before[0]
    assert input_hashes(copy, warp)["matrix.json#atlas-f0"] != before[1]["matrix.json#atlas-f0"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count = 2", "count = -1", r"arms.atlas.templates\] found count -1"),
        ("count = 2", 'count = 3, images = ["a-LK"]', "found count 3 and 1 images"),
        ("count = 2", 'images = ["a-LK", "a-LK"]', "used 2 times"),
        ("count = 2", 'count = 2, registration = "ants"', r"unknown name 'ants'.*svf"),
        ('trainers = ["nnUNetTrainerAtlasNet"]', 'trainers = ["other"]', r"arms.atlas.trainers\] unknown name 'other'"),
        ('kind = "roles"', 'kind = "cross_validation"\nfolds = 2\nrun_folds = [0]', "wanted all folds"),
        ('"atlas", "plain"]', '"atlas-T3", "plain"]', "unknown name 'atlas-T3'"),
        ('name = "plain"', 'name = "atlas-T1"', "'atlas-T1' is used 2 times"),
    ],
)
def test_what_a_study_may_not_ask_for(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(_write(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ("count = 9", "found 4 training images, wanted 9 templates"),
        ('images = ["phantom_P006-LK"]', "'phantom_P006-LK' is no training image of the arm; they are: phantom_P00"),
    ],
)
def test_templates_are_training_images(tmp_path: Path, templates: str, message: str) -> None:
    _convert_all(_write(tmp_path, ("count = 2", templates)), tmp_path / "run", None)
    with pytest.raises(StudyError, match=message):
        assemble(tmp_path / "run")


def test_tables_name_an_arm_by_itself_where_it_has_one_trainer(tmp_path: Path) -> None:
    rows = model_rows(load_study(_write(tmp_path)))
    assert [(row.trainer, row.recipe, row.label) for row in rows] == [
        ("nnUNetTrainerAtlasNet", "atlas", "AtlasNet"),
        ("nnUNetTrainerSScUNet", "plain", "plain"),
    ]
    rows = model_rows(load_study(_write(tmp_path, ('arms = ["atlas", "plain"]', 'arms = ["atlas", "atlas-T2"]'))))
    assert [row.label for row in rows] == ["AtlasNet", "AtlasNet, template 2", "plain"]
