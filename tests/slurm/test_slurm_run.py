"""A study through a real SLURM of one node with two fake GPUs: scores of a local run, killed and stopped heads."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mini_run import run_command

from benchmarks.run_folder import open_run
from benchmarks.workflow import cluster
from benchmarks.workflow.job import run_job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PROFILE = Path(__file__).parent / "profile"
WAIT_S = 200.0


@pytest.fixture(scope="module", autouse=True)
def slurm() -> None:
    """Skip where no SLURM answers; ``CTSHIFT_SLURM=1`` says that one must."""
    missing = "" if shutil.which("sbatch") else "no sbatch here"
    if not missing and subprocess.run(["sinfo"], capture_output=True, check=False, timeout=60).returncode:
        missing = "sinfo does not answer"
    if missing and os.environ.get("CTSHIFT_SLURM"):
        pytest.fail(f"{missing}, and CTSHIFT_SLURM is set; start one: tests/slurm/start-single-node.sh")
    if missing:
        pytest.skip(f"{missing}; in a container: apt-get install slurm-wlm munge, tests/slurm/start-single-node.sh")


@pytest.fixture(scope="module")
def through_slurm(finished: tuple[Path, Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run through SLURM: stopped once, its head killed once during the trainings, then brought to its end."""
    study, run = finished[0], tmp_path_factory.mktemp("slurm") / "run"
    shutil.copytree(finished[1], run)
    for name in ("nnUNet_results", "predictions", "tables", "figures"):
        shutil.rmtree(run / name)
    _, jobs = open_run(study, run, data=None, device="cpu")
    for job in jobs[:4]:  # what is read from the run's folder has moved with it
        assert job.kind in ("convert", "check", "assemble", "prepare")
        assert run_job(run, job) == 0
    command = run_command(study, run, "--profile", str(PROFILE))
    _interrupted(command, run)
    orphan = _killed([*command, "--jobs", "1"], run)
    _brought_to_its_end(command, run, orphan)
    return run


def _interrupted(command: list[str], run: Path) -> None:
    """Stop a head as Ctrl-C does: it cancels what it sent, and ends."""
    head = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait(lambda: bool(_queue(run)), "a job in the queue")
    head.send_signal(signal.SIGINT)
    assert head.wait(WAIT_S) == 130
    _wait(lambda: not _queue(run), "an empty queue", seconds=30)
    _wait(lambda: not _training(run), "the job to let go", seconds=30)


def _killed(command: list[str], run: Path) -> int:
    """Kill a head while SLURM runs a training, which goes on without it; return the training's process, held still."""
    head = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait(lambda: bool(_training(run)), "a training")
    orphan = int(json.loads(_training(run)[0].read_text())["pid"])
    os.kill(orphan, signal.SIGSTOP)  # so that its successor surely finds it at work
    head.kill()
    head.wait()
    assert _queue(run), "SLURM's jobs outlive their head"
    return orphan


def _brought_to_its_end(command: list[str], run: Path, orphan: int) -> None:
    """Run to the end; the orphan goes on once its successor waits for it on the other GPU."""
    logs = run / "logs" / "slurm" / "rule_train"
    head = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait(lambda: any("another process is at it" in log.read_text() for log in logs.rglob("*.log")), "a successor")
    finally:
        os.kill(orphan, signal.SIGCONT)
    output, _ = head.communicate(timeout=2 * WAIT_S)
    assert head.returncode == 0, output


def _training(run: Path) -> list[Path]:
    return list((run / "jobs").glob("train-*.owner"))


def _queue(run: Path) -> list[str]:
    """List SLURM's jobs of this run: it starts them in the run folder."""
    answer = subprocess.run(["squeue", "--noheader", "--format=%i %Z"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in answer.stdout.splitlines() if line.endswith(f" {run}")]


def _wait(reached: Callable[[], bool], what: str, *, seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def test_scores_equal_those_of_the_local_run(through_slurm: Path, finished: tuple[Path, Path, str]) -> None:
    assert (through_slurm / "scores.csv").read_bytes() == (finished[1] / "scores.csv").read_bytes()


def test_slurm_handed_out_both_gpus_and_its_numbers_reached_the_jobs(through_slurm: Path) -> None:
    records = [json.loads(path.read_text()) for path in (through_slurm / "done").glob("train-*.json")]
    assert {record["gpus"][0] for record in records} == {"0", "1"}
    assert all(len(record["gpus"]) == 1 and record["slurm_job"] for record in records)


def test_an_orphan_of_the_killed_head_is_waited_for_and_nothing_is_trained_twice(through_slurm: Path) -> None:
    starts = [path.read_text().count("\n--- ") for path in (through_slurm / "logs").glob("train-*.log")]
    assert sorted(starts) == [1, 1, 1], "after the local run's start one more"
    assert _training(through_slurm) == []


def test_the_cluster_that_cannot_account_is_asked_by_squeue() -> None:
    options = cluster.open_cluster(str(PROFILE), None).options()
    assert options[options.index("--slurm-status-command") + 1] == "squeue"
