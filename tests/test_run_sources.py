"""A run whose source data was moved or is gone, or that was copied itself, goes on."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.dry_run import dry_run
from benchmarks.run_folder import open_run
from benchmarks.study_file import StudyError
from benchmarks.workflow.contents import read_record
from benchmarks.workflow.freshness import input_hashes, judge
from benchmarks.workflow.jobs import Job
from dataset_converters.atomic import write_json

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"
STS = STUDIES / "sts_kernels.toml"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run whose conversion is done, beside its data folder."""
    (tmp_path / "data" / "STS_001").mkdir(parents=True)
    (tmp_path / "data" / "STS_001" / "slice.dcm").write_text("x")
    _, jobs = open_run(STS, tmp_path / "run", data=tmp_path / "data", device="cpu")
    _pretend_converted(tmp_path / "run", jobs[0])
    return tmp_path / "run"


def _pretend_converted(run: Path, job: Job) -> None:
    for name in job.outputs:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)
    outputs = {name: input_hashes(run, Job("", "convert", (), (), (name,), ()))[name] for name in job.outputs}
    record = {"state": "done", "inputs": input_hashes(run, job), "outputs": outputs}
    for folder in ("jobs", "done"):
        write_json(run / folder / f"{job.name}.json", record)


def _convert_reason(run: Path, study: Path = STS, data: Path | None = None) -> tuple[str, tuple[str, ...]]:
    sources, jobs = open_run(study, run, data=data, device="cpu")
    return judge(run, jobs[:1])[0].reason, sources.notes


def test_a_moved_data_folder_is_taken_over_without_a_conversion(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert "convert-sts " not in "".join(dry_run(STS, run, data=tmp_path / "elsewhere", device="cpu"))
    assert _convert_reason(run, data=tmp_path / "elsewhere") == ("", ())
    assert _convert_reason(run) == ("", ())
    assert read_record(run / "specs" / "sts.json")["root"] == str(tmp_path / "elsewhere")


def test_another_data_folder_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "data", tmp_path / "other")
    (tmp_path / "other" / "STS_001" / "slice.dcm").write_text("more")
    with pytest.raises(StudyError, match="names, sizes or times of files differ in sts; move or copy"):
        open_run(STS, run, data=tmp_path / "other", device="cpu")


@pytest.mark.parametrize("told", [True, False])
def test_a_finished_conversion_needs_no_source(run: Path, tmp_path: Path, told: bool) -> None:
    shutil.rmtree(tmp_path / "data")
    reason, (note,) = _convert_reason(run, data=tmp_path / "data" if told else None)
    assert reason == ""
    assert note.endswith("data is gone; what needs no conversion goes on without it")


def test_an_unfinished_conversion_without_source_is_refused(run: Path, tmp_path: Path) -> None:
    for folder in ("jobs", "done"):
        (run / folder / "convert-sts.json").unlink()
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(StudyError, match="no such folder, and not yet converted: sts"):
        open_run(STS, run, data=None, device="cpu")


def test_a_changed_source_is_still_noticed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "new.dcm").write_text("")
    assert _convert_reason(run) == ("input sources/sts.json changed", ())


def test_a_moved_run_of_a_phantom_converts_nothing_again(tmp_path: Path) -> None:
    study = STUDIES / "quickstart.toml"
    _, jobs = open_run(study, tmp_path / "run", data=None, device="cpu")
    _pretend_converted(tmp_path / "run", jobs[0])
    (tmp_path / "run").rename(tmp_path / "moved")
    assert _convert_reason(tmp_path / "moved", study) == ("", ())


def test_a_lost_run_json_costs_nothing(run: Path, tmp_path: Path) -> None:
    (run / "run.json").write_text("{damaged")
    assert _convert_reason(run) == ("", ())
    assert json.loads((run / "run.json").read_text())["device"] == "cpu"
