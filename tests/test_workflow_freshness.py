"""What makes a job run again: contents, never times; what an upgrade says; renewing; looking without touching."""

import json
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.dry_run import dry_run
from benchmarks.run_folder import open_run
from benchmarks.study_names import StudyError
from benchmarks.workflow import code_used, contents
from benchmarks.workflow import job as wrapper
from benchmarks.workflow.code_used import CODE, code_differences, code_sha256, made_by_other_code
from benchmarks.workflow.contents import Contents, read_record
from benchmarks.workflow.freshness import judge, settle_times, stale_jobs, why_stale
from benchmarks.workflow.job_owner import only_owner
from benchmarks.workflow.jobs import Job, list_jobs
from benchmarks.workflow.renew import renew
from dataset_converters.atomic import write_json

QUICKSTART = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"
COPY = "import pathlib, shutil; pathlib.Path('x').mkdir(exist_ok=True); shutil.copy('in.txt', 'x/out.txt')"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Return a finished job that copied ``in.txt`` to ``x/out.txt``."""
    (tmp_path / "in.txt").write_text("one")
    monkeypatch.setattr(wrapper, "python_command", lambda job: [wrapper.sys.executable, "-c", COPY])
    job = Job("copy", "predict", (), ("x",), ("in.txt",), (), "x", "x/*.txt")
    assert wrapper.run_job(tmp_path, job) == 0
    return job


def reason(run: Path, job: Job) -> str:
    return why_stale(run, job, read_record(run / "done" / f"{job.name}.json"))


def test_a_changed_output_of_the_same_size_and_time_is_noticed_and_made_again(tmp_path: Path, job: Job) -> None:
    out = tmp_path / "x" / "out.txt"
    before = out.stat()
    time.sleep(0.02)
    out.write_text("two")
    os.utime(out, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reason(tmp_path, job) == "output x/out.txt changed"
    assert wrapper.run_job(tmp_path, job) == 0
    assert out.read_text() == "one"


def test_a_damaged_prediction_is_removed_before_its_stage_takes_it_for_finished(tmp_path: Path, job: Job) -> None:
    (tmp_path / "x" / "predicted.json").write_text("{}")
    (tmp_path / "x" / "out.txt").write_text("damaged")
    monkey = "import pathlib; p = pathlib.Path('x/out.txt'); p.exists() or p.write_text('made again')"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrapper, "python_command", lambda job: [wrapper.sys.executable, "-c", monkey])
        assert wrapper.run_job(tmp_path, job) == 0
    assert (tmp_path / "x" / "out.txt").read_text() == "made again"


def test_predictions_stay_where_their_stage_knows_what_they_are(tmp_path: Path, job: Job) -> None:
    (tmp_path / "x" / "other").write_text("")
    (tmp_path / "in.txt").write_text("two")
    wrapper.run_job(tmp_path, job)
    assert not (tmp_path / "x" / "other").exists()
    (tmp_path / "x" / "predicted.json").write_text("{}")
    (tmp_path / "in.txt").write_text("three")
    wrapper.run_job(tmp_path, job)
    assert (tmp_path / "x" / "predicted.json").exists()


def test_files_that_look_the_same_are_not_read_again(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(contents, "sha256_of", lambda path: read.append(path.name) or "0")
    assert reason(tmp_path, job) == ""
    assert read == []
    os.utime(tmp_path / "in.txt")
    assert reason(tmp_path, job) == "input in.txt changed"
    assert read == ["in.txt"]


def test_a_copied_run_is_read_once_and_nothing_is_stale(tmp_path: Path, job: Job) -> None:
    for path in (tmp_path / "in.txt", tmp_path / "x" / "out.txt"):
        os.utime(path, (1, 1))
    assert stale_jobs(tmp_path, (job,)) == []
    seen = Contents(tmp_path, "copy")
    seen.of("in.txt")
    seen.of("x/out.txt")
    before = (tmp_path / "jobs" / "copy.facts.json").stat().st_mtime_ns
    seen.save()
    assert (tmp_path / "jobs" / "copy.facts.json").stat().st_mtime_ns == before


def test_a_lost_record_of_the_looks_costs_reading_only(tmp_path: Path, job: Job) -> None:
    (tmp_path / "jobs" / "copy.facts.json").write_text("[damaged")
    assert stale_jobs(tmp_path, (job,)) == []


def test_records_with_sizes_still_count(tmp_path: Path, job: Job) -> None:
    record = read_record(tmp_path / "done" / "copy.json")
    old = record | {"outputs": {"x/out.txt": 3}, "command": ["another"]}
    assert why_stale(tmp_path, job, old) == ""
    assert why_stale(tmp_path, job, old | {"outputs": {"x/out.txt": 4}}) == "output x/out.txt changed"


def test_a_training_is_not_stale_for_inputs_an_upgrade_adds(tmp_path: Path, job: Job) -> None:
    training = replace(job, kind="train", inputs=("in.txt", "new.txt"))
    (tmp_path / "new.txt").write_text("")
    assert reason(tmp_path, training) == ""
    assert reason(tmp_path, replace(training, kind="predict")) == "input new.txt is new"


def test_a_removed_record_of_a_fresh_job_comes_back(tmp_path: Path, job: Job) -> None:
    (tmp_path / "done" / "copy.json").unlink()
    assert stale_jobs(tmp_path, (job,)) == []
    assert (tmp_path / "done" / "copy.json").exists()


@pytest.mark.parametrize("shift", [-(10**6), 10**6])
def test_a_jump_of_the_clock_makes_nothing_stale(tmp_path: Path, job: Job, shift: int) -> None:
    moment = time.time() + shift
    for name in ("done/copy.json", "jobs/copy.json"):
        os.utime(tmp_path / name, (moment, moment))
    assert stale_jobs(tmp_path, (job,)) == []


def test_records_from_the_future_are_taken_back(tmp_path: Path, job: Job) -> None:
    record = tmp_path / "done" / "copy.json"
    os.utime(record, (time.time() + 9999,) * 2)
    after = Job("after", "predict", ("copy",), ("x",), ("in.txt",), ())
    assert wrapper.run_job(tmp_path, after) == 0
    assert record.stat().st_mtime <= (tmp_path / "done" / "after.json").stat().st_mtime
    settle_times(tmp_path)
    assert len({path.stat().st_mtime_ns for path in (tmp_path / "done").iterdir()}) == 1


def test_other_code_and_versions_are_said_and_repeat_nothing(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made_by_other_code(tmp_path, (job,)) == ""
    record = read_record(tmp_path / "done" / "copy.json")
    changed = record | {"code": "0", "versions": record["versions"] | {"torch": "1.0"}}
    write_json(tmp_path / "done" / "copy.json", changed)
    torch = record["versions"]["torch"]
    assert code_differences(job, changed) == ["trainers changed", f"torch 1.0 to {torch}"]
    line = made_by_other_code(tmp_path, (job,))
    assert line.startswith(f"made by other code: copy (trainers changed, torch 1.0 to {torch}); they stay")
    assert line.endswith("--renew predict")
    assert stale_jobs(tmp_path, (job,)) == []


def test_a_job_at_work_is_not_renewed_under_its_hands(tmp_path: Path, job: Job) -> None:
    record = read_record(tmp_path / "done" / "copy.json")
    with only_owner(tmp_path, "copy"), pytest.raises(StudyError, match="copy is still at work"):
        renew(tmp_path, (job,), ("copy",))
    for host, refused in (("elsewhere", True), (platform.node(), False)):  # of a dead owner here only the file is left
        write_json(tmp_path / "jobs" / "copy.owner", {"token": "1", "host": host, "beat": 3})
        if refused:
            with pytest.raises(StudyError, match="copy is still at work"):
                renew(tmp_path, (job,), ("copy",))
            assert read_record(tmp_path / "done" / "copy.json") == record
    assert renew(tmp_path, (job,), ("copy",)) == []
    assert not (tmp_path / "done" / "copy.json").exists()


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("dataset_converters/physics/slice_filters.py", {"convert", "check", "train", "evaluate"}),
        ("dataset_converters/registration/warp.py", {"templates", "warp", "predict"}),
        ("benchmarks/study_tables.py", {"assemble", "evaluate", "tables", "figures"}),
        ("benchmarks/workflow/jobs.py", set()),
        ("trainers/predict/vote.py", {"predict"}),
        ("trainers/templates/warp.py", {"templates", "warp", "predict"}),
    ],
)
def test_code_counts_for_every_kind_of_job_that_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kinds: set[str]
) -> None:
    monkeypatch.setattr(code_used, "REPOSITORY", tmp_path)
    code = code_sha256.__wrapped__
    before = {kind: code(kind) for kind in CODE}
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("# new")
    assert {kind for kind in CODE if code(kind) != before[kind]} == kinds


def test_every_kind_has_code_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        len({code_sha256(kind) for kind in CODE}) == len(CODE) - 2
    )  # convert and check, templates and warp share theirs
    (tmp_path / "analysis" / "tables").mkdir(parents=True)
    (tmp_path / "analysis" / "tables" / "new.py").write_text("")
    monkeypatch.setattr(code_used, "REPOSITORY", tmp_path)
    code = code_sha256.__wrapped__
    before = code("tables"), code("figures")
    (tmp_path / "analysis" / "tables" / "new.py").write_text("# changed")
    assert (code("tables") != before[0], code("figures") != before[1]) == (True, False)


def test_renewing_runs_a_finished_job_and_sets_a_training_aside(tmp_path: Path, job: Job) -> None:
    assert renew(tmp_path, (job,), ("copy",)) == []
    assert judge(tmp_path, (job,))[0].reason == "is made again on purpose (--renew)"
    assert not (tmp_path / "x").exists()
    assert wrapper.run_job(tmp_path, job) == 0
    (line,) = renew(tmp_path, (replace(job, kind="train"),), ("train",))
    assert "lies in" in line
    assert (tmp_path / "replaced1_x" / "out.txt").read_text() == "one"
    with pytest.raises(StudyError, match="--renew tabels: no such job here; give a kind"):
        renew(tmp_path, (job,), ("tabels",))


def test_a_dry_run_says_why_and_touches_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    lines = dry_run(QUICKSTART, run, data=None, device="cpu")
    assert lines[0] == f"13 of 13 jobs would run in {run} on cpu:"
    assert lines[1].split(maxsplit=1) == ["convert-phantom", "was never made"]
    assert not run.exists()


def test_a_dry_run_of_a_thousand_jobs_takes_seconds(tmp_path: Path) -> None:
    text = QUICKSTART.read_text(encoding="utf-8").replace('name = "quickstart"', 'name = "many"\nseeds = [%s]', 1)
    study = tmp_path / "many.toml"
    study.write_text(text % ", ".join(map(str, range(165))), encoding="utf-8")
    run = tmp_path / "run"
    _, jobs = open_run(study, run, data=None, device="cpu")
    assert len(jobs) == 997
    _pretend_done(run, jobs)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    started = time.process_time()
    assert dry_run(study, run, data=None, device="cpu") == [f"{run} is up to date: nothing to do"]
    assert time.process_time() - started < 5
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def _pretend_done(run: Path, jobs: tuple[Job, ...]) -> None:
    """Write every output, a matrix of all models, and a record of every job."""
    trained = [job.name.removeprefix("train-") for job in jobs if job.kind == "train"]
    images = {f"i{number}": {"path": "p"} for number in range(20)}
    models = [{"model": model, "test": list(images)} for model in trained]
    plans = [{"plans_name": f"many-{m.split('-nn')[0]}-{m.split('-')[-2]}", "content": m} for m in trained]
    for job in jobs:
        for name in job.outputs:
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_text(name)
    (run / "matrix.json").write_text(json.dumps({"images": images, "models": models, "plans": plans}))
    for job in jobs:
        found = Contents(run, job.name)
        outputs = {name: found.of(name) for name in job.outputs}
        record = {"state": "done", "inputs": {name: found.of(name) for name in job.inputs}, "outputs": outputs}
        found.save()
        write_json(run / "done" / f"{job.name}.json", record)


def test_jobs_of_every_kind_name_code(tmp_path: Path) -> None:
    from benchmarks.study_file import load_study

    assert {job.kind for job in list_jobs(load_study(QUICKSTART), "cpu")} <= CODE.keys()
