"""GPU leases: which GPUs there are, one holder at a time, several at once, safe lease files."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.study_file import StudyError
from benchmarks.workflow import gpu_lease
from benchmarks.workflow.gpu_lease import leased_gpus, visible_gpus
from benchmarks.workflow.job import job_environment

HOLD = (
    "import sys, time\n"
    "from benchmarks.workflow.gpu_lease import leased_gpus\n"
    "with leased_gpus(int(sys.argv[1])) as gpus:\n"
    "    print(','.join(gpus), flush=True)\n"
    "    sys.stdin.read()\n"
)
SMI = """\
GPU 0: NVIDIA A100 (UUID: GPU-aaaa-0)
  MIG 3g.20gb     Device  0: (UUID: MIG-0-1)
  MIG 3g.20gb     Device  1: (UUID: MIG-0-2)
GPU 1: NVIDIA A100 (UUID: GPU-bbbb-1)
"""


@pytest.fixture(autouse=True)
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(gpu_lease.LEASES, str(tmp_path / "leases"))
    monkeypatch.setenv(gpu_lease.GPUS, "0,1")
    return tmp_path / "leases"


def _holder(count: int) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def _nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<END\n{SMI}END\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv(gpu_lease.GPUS)


def test_no_two_leases_share_a_gpu_and_a_job_sees_its_own_only() -> None:
    with leased_gpus(1) as first, leased_gpus(1) as second:
        assert {*first, *second} == {"0", "1"}
        assert job_environment(second)["CUDA_VISIBLE_DEVICES"] == second[0]
    assert "CUDA_VISIBLE_DEVICES" not in job_environment(())


def test_a_killed_holder_gives_its_gpu_back() -> None:
    """Its lock ends with it; the next lease of both GPUs waits until then, and no longer."""
    process, held = _holder(1)
    assert held == "0"
    threading.Timer(0.3, process.kill).start()
    started = time.monotonic()
    with leased_gpus(2) as both:
        assert both == ("0", "1")
        assert 0.2 < time.monotonic() - started < 10
    process.wait()


def test_who_asked_first_for_two_is_not_overtaken_by_those_who_ask_for_one() -> None:
    order: list[int] = []

    def lease(count: int) -> None:
        with leased_gpus(count):
            order.append(count)

    process, _ = _holder(1)
    two, one = (threading.Thread(target=lease, args=(count,)) for count in (2, 1))
    two.start()
    time.sleep(0.2)
    one.start()
    time.sleep(0.2)
    assert order == []
    process.kill()
    two.join(10)
    one.join(10)
    assert order == [2, 1]
    process.wait()


def test_more_gpus_than_there_are_is_an_error_and_none_known_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match=r"GPUs 0,1: found 2, wanted 3"), leased_gpus(3):
        pass
    monkeypatch.setenv(gpu_lease.GPUS, "")
    with leased_gpus(1) as gpus:
        assert gpus == ()


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ("3,5", ("3", "5")),
        ("", ()),
        ("-1", ()),
        ("2,-1,0", ("2",)),
        ("GPU-aa", ("GPU-aa",)),
        ("0,0", ("0",)),
        ("NoDevFiles", ()),
    ],
)
def test_a_list_of_the_user_is_kept(chosen: str, wanted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus() == wanted
    with leased_gpus(1) as gpus:
        assert gpus == wanted[:1]


def test_one_gpu_named_twice_is_one_and_two_of_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nvidia_smi(tmp_path, monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-bbbb-1")
    with leased_gpus(1) as gpus:
        assert gpus == ("1",)
    with pytest.raises(StudyError, match="found 1, wanted 2"), leased_gpus(2):
        pass


def test_blanks_in_the_list_of_gpus_are_no_part_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpu_lease.GPUS, " 0, 1 ,")
    assert visible_gpus() == ("0", "1")


def test_what_slurm_gave_is_leased_within_its_allocation_only(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another allocation the same number may be another GPU; in one, two runs share its GPUs."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with leased_gpus(1) as first:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with leased_gpus(1) as second:
            assert first == second == ("0",)
    assert sorted(path.name for path in leases.glob("slurm*")) == ["slurm7-0.lock", "slurm8-0.lock"]


def test_the_machine_is_asked_and_mig_slices_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nvidia_smi(tmp_path, monkeypatch)
    assert set(visible_gpus()) == {"MIG-0-1", "MIG-0-2", "GPU-bbbb-1"}


@pytest.mark.parametrize("name", ["1", "GPU-bbbb"])
def test_a_gpu_is_one_whatever_it_is_called(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nvidia_smi(tmp_path, monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", name)
    with leased_gpus(1) as gpus:
        assert gpus == (name,)
        assert (tmp_path / "leases" / "GPU-bbbb-1.lock").is_file()


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_lease_folder_that_others_could_have_made_is_refused(trap: str, leases: Path, tmp_path: Path) -> None:
    if trap == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        leases.symlink_to(tmp_path / "elsewhere")
    elif trap == "open":
        leases.mkdir()
        leases.chmod(0o777)
    else:
        leases.touch()
    with pytest.raises(StudyError, match="leases: "), leased_gpus(1):
        pass


def test_a_lease_file_that_is_a_link_is_not_followed(leases: Path, tmp_path: Path) -> None:
    leases.mkdir(mode=0o700)
    (leases / "0.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic link"), leased_gpus(1):
        pass
    assert not (tmp_path / "victim").exists()
