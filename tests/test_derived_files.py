"""Kernel files that a study names under ``derive``: where they are looked for, and that a change is noticed."""

import json
from pathlib import Path

import pytest

from benchmarks.dry_run import dry_run
from benchmarks.run_folder import open_run
from benchmarks.study_file import StudyError
from benchmarks.workflow.freshness import input_hashes
from dataset_converters.datasets import sts

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"


def test_kernel_files_lie_beside_the_study_file(tmp_path: Path) -> None:
    data, run, study = tmp_path / "data", tmp_path / "run", tmp_path / "studies" / "study.toml"
    sts.make_sample(data)
    derived = '{ name = "Se", variant = "emulated_kernel", of = "SOFT", kernel_file = "pair.json" }'
    text = (STUDIES / "sts_kernels.toml").read_text().replace('label = "STS"', f'label = "STS"\nderive = [{derived}]')
    study.parent.mkdir()
    study.write_text(text)
    message = (
        r"\[datasets.sts.derive\] kernel_file: a .json file that is neither beside the study file nor in the source"
    )
    with pytest.raises(StudyError, match=message):
        open_run(study, run, data=data, device="cpu")
    assert not run.exists()
    hashes = []
    for place in (data, study.parent):
        (place / "pair.json").write_text(place.name)
        _, jobs = open_run(study, run, data=data, device="cpu")
        spec = json.loads((run / "specs" / "sts.json").read_text())
        assert spec["derive"][0]["kernel_file"] == str(place / "pair.json")
        hashes.append(input_hashes(run, jobs[0]))
    (study.parent / "pair.json").write_text("changed")
    open_run(study, run, data=None, device="cpu")
    assert input_hashes(run, jobs[0]) not in hashes
    assert (run / "study.toml").read_text() == text
    assert "convert-sts" in "".join(dry_run(study, run, data=None, device="cpu"))
