"""Some folds of a cross-validation only: one more trains only that one, and tables say who was tested."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from analysis_scores import frame, score, two_kernel_study

from analysis.make_tables import folds_note
from analysis.results import results_in_memory
from benchmarks.run_folder import list_differences
from benchmarks.study import Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_training import Split
from benchmarks.workflow.jobs import list_jobs

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"


def with_folds(folder: Path, chosen: str) -> Study:
    text = (STUDIES / "sts_kernels.toml").read_text(encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(text.replace("folds = 3\n", f"folds = 3\nrun_folds = {chosen}\n", 1), encoding="utf-8")
    return load_study(path)


def test_one_more_fold_adds_its_own_jobs_and_changes_no_other(tmp_path: Path) -> None:
    one, two, every = (with_folds(tmp_path, chosen) for chosen in ("[1]", "[1, 2]", "[]"))
    jobs = [{job.name: job for job in list_jobs(study, "cpu")} for study in (one, two, every)]
    new = jobs[1].keys() - jobs[0].keys()
    assert new
    assert all(name.endswith("-f2") for name in new)
    shared = [name for name in jobs[0] if jobs[0][name].kind in ("train", "predict", "prepare", "assemble")]
    assert all(jobs[0][name] == jobs[1][name] == jobs[2][name] for name in shared)
    assert list_differences(one, two) == []
    assert list_differences(one, every) == []


def test_a_budget_of_another_device_is_no_difference(tmp_path: Path) -> None:
    study = with_folds(tmp_path, "[1]")
    other = replace(study, budgets={**study.budgets, "cuda": replace(study.budgets["cuda"], width=8)})
    assert list_differences(study, other, device="cpu") == []
    assert list_differences(study, other, device="cuda") == ["[budgets]"]


@pytest.mark.parametrize(("chosen", "message"), [("[3]", "found 3, wanted folds from 0 to 2"), ("[1, 1]", "run_folds")])
def test_a_fold_that_is_not_there_is_refused(tmp_path: Path, chosen: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        with_folds(tmp_path, chosen)


def test_tables_say_how_many_patients_were_tested(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    results = results_in_memory(frame([score(0.5, patient="A"), score(0.6, patient="B")]), study)
    images = pd.DataFrame({"dataset": ["x"] * 5, "patient": list("ABCDE")})
    assert folds_note(results) == ()
    part = replace(study, split=Split("cross_validation", folds=3, run_folds=(0,)))
    (note,) = folds_note(replace(results, study=part, images=images))
    assert note == "Fold 0 of 3 (counted from 0): 2 of 5 patients tested."
