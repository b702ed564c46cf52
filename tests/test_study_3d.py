"""3D trainers in a study: what the file says, what is refused, what names and jobs they get, what they cost."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from analysis.make_tables import budget_note
from analysis.results import _training
from benchmarks.configurations import budget_record, is_3d, trainer_class
from benchmarks.doctor import costs
from benchmarks.matrix import list_models, list_plans
from benchmarks.patients import Fold, Patient
from benchmarks.run_folder import list_differences
from benchmarks.study import Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow.jobs import list_jobs
from benchmarks.workflow.resources import needed_memory_mb, needed_runtime_min
from trainers.registry import list_trainers, works_on_slices

QUICKSTART = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"
STOCK = "nnUNetTrainerCTShiftStock"
IN_3D = f"{STOCK}_3d_fullres"
TRAINERS = f'[[trainers]]\nname = "{STOCK}"\n\n[[trainers]]\nname = "{STOCK}"\nconfiguration = "3d_fullres"\n\n[split]'
BUDGET = "three_d = { patch_size = [32, 96, 96], batch_size = 2, spacing_mm = [5, 1.5, 1.5] }"
UNET = 'name = "nnUNetTrainerWeightedCE2D"'


def study_of(tmp_path: Path, *changes: tuple[str, str], budget: str = BUDGET, trainers: str = TRAINERS) -> Study:
    """Read the quickstart with stock nnU-Net in 2D and 3D beside its U-Net."""
    text = QUICKSTART.read_text(encoding="utf-8").replace("[split]", trainers)
    text = text.replace("spacing_mm = [3.1, 3.1]", f"spacing_mm = [3.1, 3.1]\n{budget}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return load_study(path)


def test_one_class_in_2d_and_3d_is_two_trainers(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    assert [entry.name for entry in study.trainers[1:]] == [STOCK, IN_3D]
    assert [trainer_class(entry) for entry in study.trainers[1:]] == [STOCK, STOCK]
    assert [is_3d(entry.name) for entry in study.trainers] == [False, False, True]
    assert study.trainers[2].label == IN_3D
    three_d = study.budgets["cuda"].three_d
    assert three_d is not None
    assert three_d.spacing_mm == (5.0, 1.5, 1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([(UNET, f'{UNET}\nconfiguration = "3d_fullres"')], "nnUNetTrainerWeightedCE2D: .*wanted '2d': it works slice"),
        ([(BUDGET, "")], r"\[budgets.cpu\] no three_d, which nnUNetTrainerCTShiftStock in 3d_fullres needs"),
        ([('"3d_fullres"', '"3d_lowres"')], "found '3d_lowres', wanted one of: 2d, 3d_fullres"),
        ([('configuration = "3d_fullres"', "")], "'nnUNetTrainerCTShiftStock' is used 2 times"),
        ([("[32, 96, 96]", "[36, 96, 96]")], r"three_d.patch_size\] found 36, wanted 4, 5, 6 or 7 times a power of 2"),
        ([("[32, 96, 96]", "[2, 96, 96]")], r"three_d.patch_size\] found 2,"),
        ([("[32, 96, 96]", "[96, 96]")], r"three_d.patch_size\] found 2 values, wanted 3"),
        ([("batch_size = 2,", "batch_size = 0,")], r"three_d.batch_size\] found 0, wanted more than 0"),
        ([("[5, 1.5, 1.5]", "[5, 1.5, nan]")], r"three_d.spacing_mm\] found .*nan\), wanted more than 0"),
        ([("batch_size = 16", "batch_size = 16\ngpus = 4")], r"three_d.batch_size\] found 2, wanted at least gpus 4"),
        (
            [
                (
                    "[split]",
                    '[equal_arms]\narms = ["LK", "MK"]\nslices = "lung"\n\n[scoring]\nlung = "disease"\n\n[split]',
                ),
            ],
            rf"slices = 'lung' for arm LK, which {IN_3D} trains on: chosen slices are no volumes",
        ),
    ],
)
def test_what_cannot_be_trained_in_3d_is_refused_on_reading(
    tmp_path: Path, changes: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        study_of(tmp_path, *changes)


def test_only_trainers_of_volumes_are_taken_for_them() -> None:
    assert [name for name in list_trainers() if not works_on_slices(name)] == [STOCK]
    assert works_on_slices("nnUNetTrainerWeightedCE2DKernelAug"), "through its base"


def _fold() -> tuple[Fold, ...]:
    one, two = (Patient("phantom", name, "train", {"LK": (f"{name}-LK",), "MK": (f"{name}-MK",)}) for name in "AB")
    return (Fold(training=(one,), watching=(two,), testing=()),)


def test_the_matrix_says_nothing_of_2d_and_gives_3d_plans_of_its_own(tmp_path: Path) -> None:
    plain, study = study_of(tmp_path, trainers="[split]", budget=""), study_of(tmp_path)
    before, plans = list_plans(plain, _fold()), list_plans(study, _fold())
    assert [entry for entry in plans if "configuration" not in entry] == before
    assert [entry["plans_name"] for entry in plans[:2]] == ["quickstart-LK-s0", "quickstart-LK-s0-3d"]
    assert plans[1]["splits"] == plans[0]["splits"]
    models = list_models(study, _fold(), {})
    assert [model for model in models if model["trainer"] not in (STOCK, IN_3D)] == list_models(plain, _fold(), {})
    stock, in_3d = models[1:3]
    extra = {"configuration": "3d_fullres", "trainer_class": STOCK}
    assert stock.keys() == in_3d.keys() - extra.keys()
    assert in_3d == in_3d | extra | {"trainer": IN_3D, "plans_name": "quickstart-LK-s0-3d"}
    assert in_3d["model"] == f"LK-{IN_3D}-s0-f0"
    assert "three_d" not in budget_record(plain.budgets["cpu"])
    assert budget_record(study.budgets["cpu"])["three_d"]["batch_size"] == 2


def test_an_arm_without_the_3d_trainer_has_no_3d_plans(tmp_path: Path) -> None:
    study = study_of(
        tmp_path, ('variants = ["LK"]\n\n[[arms]]', f'variants = ["LK"]\ntrainers = ["{IN_3D}"]\n\n[[arms]]')
    )
    plans = [entry["plans_name"] for entry in list_plans(study, _fold())]
    assert "quickstart-LK-s0-3d" in plans
    assert "quickstart-LK-s0" not in plans


def test_3d_added_to_a_run_adds_jobs_and_changes_no_other_training(tmp_path: Path) -> None:
    plain, study = study_of(tmp_path, trainers="[split]", budget=""), study_of(tmp_path)
    jobs = [{job.name: job for job in list_jobs(entry, "cpu")} for entry in (plain, study)]
    assert all(jobs[1][name] == job for name, job in jobs[0].items() if job.kind in ("train", "predict"))
    job = jobs[1][f"train-LK-{IN_3D}-s0-f0"]
    folder = f"nnUNet_results/Dataset901_quickstart/{STOCK}__quickstart-LK-s0-3d__3d_fullres/fold_0"
    assert job.outputs == (f"{folder}/checkpoint_final.pth",)
    assert set(job.inputs[:2]) <= set(jobs[1]["prepare"].outputs)
    assert list_differences(plain, study) == []
    changed = dataclasses.replace(study.budgets["cpu"], batch_size=8)
    assert list_differences(plain, dataclasses.replace(study, budgets={**study.budgets, "cpu": changed})) == [
        "[budgets]"
    ]
    assert list_differences(study, plain) == ["[budgets]"], "what models were trained with cannot be taken away"


def test_an_arm_in_2d_and_3d_trains_on_its_images_once() -> None:
    image = {"dataset": "d", "patient": "p", "case": "c", "variant": "LK"}
    plan = {"arm": "LK", "seed": 0, "splits": [{"train": ["i"], "val": []}]}
    matrix = {"models": [{"fold": 0}], "images": {"i": image}, "plans": [plan, plan | {"configuration": "3d_fullres"}]}
    pd.testing.assert_frame_equal(_training(matrix), _training(matrix | {"plans": [plan]}))
    assert len(_training(matrix)) == 1


def test_tables_name_the_3d_patch(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"device": "cpu"}')
    note = budget_note(tmp_path, study_of(tmp_path))
    assert note.endswith(
        " In 3D: 2 patches of 32 x 96 x 96 at 5 x 1.5 x 1.5 mm, nnU-Net's own network and learning rate."
    )
    assert "In 3D" not in budget_note(tmp_path, study_of(tmp_path, trainers="[split]"))


def test_3d_costs_follow_its_own_patch(tmp_path: Path) -> None:
    """2 x 48 x 96 x 96 took 14 and 17 s a step on a core, and 2 GB beside the libraries."""
    budget = study_of(tmp_path, ("[32, 96, 96]", "[48, 96, 96]")).budgets["cpu"]
    step = costs.step_cost(IN_3D, "cpu").seconds(costs.seen_by(IN_3D, budget))
    assert 14 < step < 18
    assert 2e9 < costs.training_memory(IN_3D, budget, "cpu") < 4.5e9
    assert costs.training_memory(STOCK, budget, "cpu") < 2.5e9
    assert costs.gpu_memory(IN_3D, budget) > 2 * costs.gpu_memory("nnUNetTrainerWeightedCE2D", budget)
    assert costs.seen_by(STOCK, budget) == budget
    job = {"kind": "train", "command": ["--device", "cpu"]}
    record = budget_record(budget)
    flat, deep = ({**job, "name": f"train-LK-{name}-s0-f0"} for name in (STOCK, IN_3D))
    assert 2100 < needed_memory_mb(deep, record, 1) < 6000
    assert needed_runtime_min(deep, record, 1) > 30 + 400 * 14 / 60 > needed_runtime_min(flat, record, 1)
