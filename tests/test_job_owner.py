"""The owner of a job: alone on one host by the lock, on several by signs of life."""

import json
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.workflow import job_owner
from benchmarks.workflow.job_owner import beats, only_owner
from dataset_converters.atomic import write_json

OTHER = {"token": "x", "host": "another-node", "pid": 1}
OWN = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from benchmarks.workflow import job_owner\n"
    "job_owner.FIRST_BEAT_S = job_owner.BEAT_S = 0.05\n"
    "with job_owner.only_owner(Path(sys.argv[1]), 'a'):\n"
    "    print('mine', flush=True)\n"
    "    time.sleep(30)\n"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_owner, "FIRST_BEAT_S", 0.05)
    monkeypatch.setattr(job_owner, "BEAT_S", 0.05)
    monkeypatch.setattr(job_owner, "QUIET_S", 0.6)


def _owner(run: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", OWN, str(run)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    return process


def test_the_owner_beats_while_it_works_and_leaves_nothing(tmp_path: Path) -> None:
    with only_owner(tmp_path, "a"):
        assert beats(tmp_path, "a")
        first = json.loads((tmp_path / "jobs" / "a.owner").read_text())
        time.sleep(0.3)
        later = json.loads((tmp_path / "jobs" / "a.owner").read_text())
    assert (first["host"], later["token"]) == (platform.node(), first["token"])
    assert later["beat"] > first["beat"]
    assert not beats(tmp_path, "a")


def test_a_successor_here_waits_for_the_lock_and_for_nothing_more(tmp_path: Path) -> None:
    orphan = _owner(tmp_path)
    threading.Timer(0.4, orphan.kill).start()
    started = time.monotonic()
    with only_owner(tmp_path, "a"):
        waited = time.monotonic() - started
    orphan.wait()
    assert 0.3 < waited < 10
    with only_owner(tmp_path, "a"):
        assert time.monotonic() - started < waited + 0.5, "a dead owner of this host is not waited for"


def test_an_owner_alive_on_another_host_is_waited_for_though_the_lock_is_free(tmp_path: Path) -> None:
    """Its beats count, not the time they are written with: clocks may jump."""
    path = tmp_path / "jobs" / "a.owner"
    write_json(path, OTHER | {"beat": 0})
    ended = threading.Event()

    def live() -> None:
        for beat in range(1, 6):
            time.sleep(0.3)
            write_json(path, OTHER | {"beat": beat})
        ended.set()

    threading.Thread(target=live).start()
    with only_owner(tmp_path, "a"):
        assert ended.is_set()


def test_an_owner_that_let_go_in_order_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job_owner, "QUIET_S", 20.0)
    path = tmp_path / "jobs" / "a.owner"
    write_json(path, OTHER | {"beat": 0})
    threading.Timer(0.3, path.unlink).start()
    started = time.monotonic()
    with only_owner(tmp_path, "a"):
        assert time.monotonic() - started < 10
    assert "last held on another-node" in capsys.readouterr().err


def test_an_owner_that_finds_another_name_ends_at_once(tmp_path: Path) -> None:
    owner = _owner(tmp_path)
    write_json(tmp_path / "jobs" / "a.owner", OTHER | {"beat": 0})
    assert owner.wait(timeout=10) == 1
    assert json.loads((tmp_path / "jobs" / "a.owner").read_text())["token"] == "x"


@pytest.mark.parametrize("text", ["{", "[1]", "{}", '{"beat": 3}', '{"host": 7, "token": "x"}'])
def test_a_damaged_sign_of_life_stops_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a.owner").write_text(text)
    with only_owner(tmp_path, "a"):
        time.sleep(0.2)
    assert not (tmp_path / "jobs" / "a.owner").exists()
