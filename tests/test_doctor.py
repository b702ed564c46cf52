# ruff: noqa: E501 (one lack of a machine a line)
"""The doctor: every lack of a machine is named with what was found, wanted and to do; costs follow the studies."""

import dataclasses
import errno
import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import check
from benchmarks.__main__ import main
from benchmarks.doctor import costs, folder_probe
from benchmarks.doctor.diagnosis import Diagnosis, diagnose, executor_of
from benchmarks.doctor.finding import Finding
from benchmarks.doctor.folder_probe import FolderProbe, mount_of, probe_folder
from benchmarks.doctor.machine import Needs, longest, machine_findings
from benchmarks.doctor.readings import UNLIMITED, Disk, Gpu, Readings, Scheduler, parse_gpus, read_machine
from benchmarks.doctor.report import as_json, print_diagnosis
from benchmarks.doctor.schedule import Task, simulate
from benchmarks.study_file import StudyError, load_study

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"
OUT = Path("/runs")
GB = 10**9
GOOD = Readings(
    out=Disk(OUT, 1, 1000 * GB, UNLIMITED),
    temporary=Disk(Path("/tmp"), 2, 50 * GB, UNLIMITED),
    folder=FolderProbe(OUT),
    cpus=8,
    memory_bytes=64 * GB,
    shared_memory_bytes=8 * GB,
    open_files=65536,
    processes=UNLIMITED,
    gpus=(Gpu("A100", 80 * GB, 79 * GB),),
)
NEEDS = Needs(
    disk_bytes=100 * GB, files=10_000, job_memory=4 * GB, slots=4, shared_memory=GB, gpus=1, gpu_memory=8 * GB
)
SLURM = Scheduler("slurm", installed=True, sbatch=True, squeue="answers", sacct="answers")


def found(needs: Needs = NEEDS, **changes: Any) -> list[str]:
    return [
        f"{finding.severity} {finding}" for finding in machine_findings(dataclasses.replace(GOOD, **changes), needs)
    ]


def probe(**changes: Any) -> dict[str, FolderProbe]:
    return {"folder": dataclasses.replace(GOOD.folder, **changes)}


def test_a_machine_that_has_everything() -> None:
    assert found() == []
    assert found(scheduler=SLURM, memory_bytes=GB, gpus=()) == []  # of a login node neither counts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out": Disk(OUT, 1, 99 * GB, UNLIMITED)}, "problem disk of /runs: found 99.0 GB free; wanted 100.0 GB; free"),
        ({"out": Disk(OUT, 1, 120 * GB, UNLIMITED)}, "warning disk of /runs: found 120.0 GB free; wanted 150.0 GB, half"),
        ({"out": Disk(OUT, 2, 100 * GB, UNLIMITED)}, "problem disk of /runs: found 100.0 GB free; wanted 101.0 GB"),
        ({"temporary": Disk(Path("/tmp"), 2, 5 * 10**8, 9)}, "problem disk of /tmp: found 0.5 GB free; wanted 1.0 GB; free some or set TMPDIR"),
        ({"out": Disk(OUT, 1, 1000 * GB, 9999)}, "problem disk of /runs: found room for 9999 more files; wanted 10000"),
        ({"memory_bytes": 3 * GB}, "problem memory: found 3.0 GB; wanted 4.0 GB for one job; lower batch_size"),
        ({"memory_bytes": 9 * GB}, "warning memory: found 9.0 GB; wanted 16.0 GB for 4 jobs at a time; run with --cores 2"),
        ({"shared_memory_bytes": 64 * 10**6}, "problem shared memory (/dev/shm): found 64 MB free; wanted 1000 MB; mount"),
        ({"open_files": 256}, "problem open files: found a limit of 256; wanted 1024; ulimit -n 1024"),
        ({"processes": 100}, "problem processes and threads: found a limit of 100; wanted 256; ulimit -u 256"),
        ({"gpus": ()}, "problem GPUs: found 0; wanted 1 for a training; choose --device cpu"),
        ({"gpus": (Gpu("T4", 6 * GB, 6 * GB),)}, "problem GPU T4: found 6.0 GB; wanted about 8.0 GB (computed); lower"),
        ({"gpus": (Gpu("A100", 80 * GB, 5 * GB),)}, "warning GPU A100: found 5.0 GB free; wanted about 8.0 GB (computed); wait"),
        (probe(write_fault="Read-only file system"), "problem folder /runs: found no way to write there (Read-only file system); wanted"),
        (probe(lock_fault="No locks available"), "problem folder /runs: found locks that do not work (No locks available); wanted flock"),
        (probe(kind="lustre", options="rw,localflock"), "warning folder /runs: found lustre mounted with localflock; wanted locks that"),
        (probe(clock_skew_s=-5.0), "warning folder /runs: found a clock 5 s behind this machine's; wanted at most 2 s; synchronise"),
        (probe(clock_skew_s=90.0), "problem folder /runs: found a clock 90 s ahead of this machine's"),
        ({"scheduler": dataclasses.replace(SLURM, installed=False)}, "problem cluster: found no snakemake-executor-plugin-slurm; wanted"),
        ({"scheduler": dataclasses.replace(SLURM, sbatch=False)}, "problem SLURM: found no sbatch here; wanted a login node"),
        ({"scheduler": dataclasses.replace(SLURM, sacct="absent")}, "warning SLURM: found sacct is not installed; wanted accounting; nothing to do"),
        ({"scheduler": dataclasses.replace(SLURM, sacct="refuses", squeue="absent")}, "problem SLURM: found sacct does not answer and squeue is not installed"),
    ],
)  # fmt: skip
def test_each_lack_is_named(changes: dict[str, Any], message: str) -> None:
    (finding,) = found(**changes)
    assert finding.startswith(message)
    assert finding.count("; ") >= 2


def test_a_forgetful_squeue_without_accounting_is_a_problem() -> None:
    scheduler = dataclasses.replace(SLURM, sacct="refuses", keeps_finished_s=5.0)
    assert [text.split(":")[0] for text in found(scheduler=scheduler)] == ["warning SLURM", "problem SLURM"]


def test_names_that_are_too_long_for_the_file_system() -> None:
    path, name = longest(["done/abc.json", "results/" + "x" * 230], prefix=10)
    assert (path, name) == (10 + 1 + 238, 230)
    needs = dataclasses.replace(NEEDS, longest_path=path, longest_name=name)
    (finding,) = found(needs)
    assert "found room for names of 255 and paths of 4096 bytes; wanted 270 and 249; give a shorter --out" in finding


def test_the_probe_leaves_nothing_behind_and_tells_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = probe_folder(tmp_path)
    assert (good.write_fault, good.lock_fault, abs(good.clock_skew_s) < 2) == ("", "", True)
    monkeypatch.setattr(folder_probe.fcntl, "flock", lambda stream, how: None)
    assert probe_folder(tmp_path).lock_fault == "not exclusive"
    monkeypatch.setattr(folder_probe.time, "time", lambda: 0.0)
    assert probe_folder(tmp_path).clock_skew_s > 10**8

    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(folder_probe.tempfile, "mkstemp", refuse)
    assert probe_folder(tmp_path).write_fault == "Read-only file system"
    assert list(tmp_path.iterdir()) == []


def test_the_mount_of_a_folder_is_the_innermost() -> None:
    mounts = "a / ext4 rw 0 0\nb /data nfs4 rw,local_lock=all 0 0\nc /data\\040x lustre rw 0 0\nbroken\n"
    assert mount_of(Path("/data/runs"), mounts) == ("nfs4", "rw,local_lock=all")
    assert mount_of(Path("/data x"), mounts) == ("lustre", "rw")
    assert mount_of(Path("/database"), mounts) == ("ext4", "rw")


def test_only_visible_gpus_are_read() -> None:
    text = "0, GPU-aa, NVIDIA A100, 81920, 81000\n1, GPU-bb, NVIDIA A100, 81920, [N/A]\n"
    text = text.replace("[N/A]", "500") + "No devices were found\n"
    assert [gpu.free_bytes // 2**20 for gpu in parse_gpus(text, None)] == [81000, 500]
    assert [gpu.free_bytes // 2**20 for gpu in parse_gpus(text, "1")] == [500]
    assert [gpu.free_bytes // 2**20 for gpu in parse_gpus(text, "GPU-a")] == [81000]
    assert parse_gpus(text, "") == ()


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    readings = read_machine(tmp_path / "not" / "there", "slurm")
    assert readings.out.folder == tmp_path
    assert readings.memory_bytes > 10**8
    assert readings.cpus >= 1
    assert readings.scheduler is not None
    assert not (tmp_path / "not").exists()


def _diagnose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str = "cpu", **changes: Any) -> Diagnosis:
    monkeypatch.setattr(check, "_check_environment", lambda study, device: [])
    readings = dataclasses.replace(GOOD, **changes)
    return diagnose(STUDIES / "quickstart.toml", tmp_path / "run", data=None, device=device, slots=2, readings=readings)


def test_the_estimate_of_the_quickstart_is_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = _diagnose(tmp_path, monkeypatch)
    assert diagnosis.findings == ()
    assert diagnosis.estimate is not None
    kinds = {kind.kind: kind for kind in diagnosis.estimate.kinds}
    # 44 s a training of this budget on a core of 2025 (done/*.json of study kernel_emulation, same step)
    assert 3 * 35 < kinds["train"].cpu_hours * 3600 < 3 * 70
    assert kinds["train"].jobs == 3
    assert all(kind.gpu_hours == 0 for kind in kinds.values())
    # 18 patients x 2 variants of 48 x 128 x 128 at 1.3 bytes; 10 patients x 2 variants predicted by 3 models
    assert diagnosis.estimate.disk["nnUNet_raw"] == pytest.approx(36 * 48 * 128 * 128 * 1.3)
    assert diagnosis.estimate.disk["predictions"] == pytest.approx(3 * 20 * 48 * 128 * 128 * 0.03)
    assert diagnosis.estimate.disk["nnUNet_results"] == pytest.approx(3 * (4 * 13 * 7600 * 64 + 1e6))
    assert 0.5 * kinds["train"].cpu_hours < diagnosis.estimate.wall_hours < 1.2 * kinds["train"].cpu_hours


def test_done_jobs_of_the_run_replace_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tmp_path / "run" / "done"
    done.mkdir(parents=True)
    (done / "train-LK-nnUNetTrainerWeightedCE2D-s0-f0.json").write_text('{"seconds": 3600}')
    estimate = _diagnose(tmp_path, monkeypatch).estimate
    assert estimate is not None
    kinds = {kind.kind: kind for kind in estimate.kinds}
    assert kinds["train"].cpu_hours == pytest.approx(3.0)
    assert kinds["train"].source == "done jobs of this run"
    assert 1.0 < estimate.wall_hours < 1.2  # two are left, side by side


def test_gpu_hours_count_gpus_and_say_that_they_were_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimate = _diagnose(tmp_path, monkeypatch, device="cuda").estimate
    assert estimate is not None
    train = next(kind for kind in estimate.kinds if kind.kind == "train")
    assert train.gpu_hours > 0
    assert train.factor >= 3
    assert "not measured" in train.source


def test_costs_follow_the_budget() -> None:
    budget = load_study(STUDIES / "quickstart.toml").budgets["cuda"]
    trainer = "nnUNetTrainerWeightedCE2D"
    two = dataclasses.replace(budget, gpus=2)
    assert costs.gpu_memory(trainer, two) < costs.gpu_memory(trainer, budget)
    assert costs.shared_memory(trainer, two) == costs.shared_memory(
        trainer, budget
    )  # half the batch, twice the loaders
    cpu = costs.step_cost(trainer, "cpu")
    narrow, wide = (cpu.seconds(dataclasses.replace(budget, width=width)) for width in (8, 64))
    assert wide > 8 * narrow
    assert costs.step_cost("nnUNetTrainer_250epochs", "cpu") is costs.NNUNET_CPU


def test_a_study_that_fits_no_machine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = _diagnose(tmp_path, monkeypatch, out=Disk(OUT, 1, GB, 100))
    assert [finding.area for finding in diagnosis.findings] == ["disk of /runs"] * 2
    assert diagnosis.has_problems


def test_problems_come_first_and_json_has_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = _diagnose(tmp_path, monkeypatch, memory_bytes=2 * GB, open_files=9)
    assert [finding.severity for finding in diagnosis.findings] == ["problem", "warning"]
    content = json.loads(as_json(diagnosis))
    assert content["ready"] is False
    assert content["findings"][0]["wanted"] == "1024"
    assert content["estimate"]["cpu_hours"] > 0
    stream = StringIO()
    print_diagnosis(diagnosis, Console(file=stream, width=100))
    lines = stream.getvalue()
    assert lines.index("ulimit") < lines.index("CPU hours") < lines.index("1 problems found, 1 warnings")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "_check_environment", lambda study, device: ["torch: broken"])
    study = str(STUDIES / "quickstart.toml")
    assert main(["check", study, "--out", str(tmp_path / "run"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["message"] == "torch: broken"
    assert main(["check", study, "--profile", str(tmp_path)]) == 2
    assert "found no config.yaml" in capsys.readouterr().err


def test_the_executor_of_a_profile(tmp_path: Path) -> None:
    assert executor_of("slurm") == "slurm"
    for text in ("executor: slurm   # ours", 'executor : "slurm"  # ours'):
        (tmp_path / "config.yaml").write_text(f"{text}\njobs: 5\n")
        assert executor_of(str(tmp_path)) == "slurm"
    with pytest.raises(StudyError, match=r"--profile nope: found no config.yaml there, wanted .* or: .*slurm"):
        executor_of("nope")
    (tmp_path / "config.yaml").write_text("# mine\nexecutor: 'lsf'\njobs: 5\n")
    assert executor_of(str(tmp_path)) == "lsf"
    (tmp_path / "config.yaml").write_text("jobs: 5\n")
    with pytest.raises(StudyError, match="names no executor"):
        executor_of(str(tmp_path))


def test_a_schedule_worked_by_hand() -> None:
    tasks = [Task("a", (), 2.0), Task("b", ("a",), 10.0, 1), Task("c", ("a",), 10.0, 1), Task("d", ("b", "c"), 1.0)]
    assert simulate(tasks, cores=1, gpus=2).wall_s == 13.0
    one = simulate(tasks, cores=1, gpus=1)
    assert (one.wall_s, one.gpu_seconds, one.gpu_end_s, one.most_running) == (23.0, 20.0, 22.0, 1)
    # one head that takes 3 s a job: a 3..5, b 8..18, c 11..21, d 24..25
    assert simulate(tasks, cores=1, gpus=2, submit_s=3.0).wall_s == 25.0
    with pytest.raises(ValueError, match="more GPUs"):
        simulate([Task("a", (), 1.0, 2)], cores=1, gpus=1)
    with pytest.raises(ValueError, match="wait for each other"):
        simulate([Task("a", ("b",), 1.0)], cores=1, gpus=1)


def test_a_finding_of_another_part_is_shown_in_its_words() -> None:
    assert str(Finding("study", "dataset x: no such folder")) == "dataset x: no such folder"
