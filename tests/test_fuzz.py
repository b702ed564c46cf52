"""2,000 damaged files, as hypothesis damages them, through every reader; and the harness that judges them.

``python -m benchmarks.performance fuzz`` runs more of the same; benchmarks/performance/fuzz.md has its figures.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fuzz_misbehaving import FAULTS
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from benchmarks.performance import fuzz
from benchmarks.performance.fuzz import GOOD, Worker
from benchmarks.performance.fuzz_dicom import dicom_elements
from benchmarks.performance.fuzz_readings import Reading, difference
from benchmarks.performance.fuzz_samples import KINDS, damaged_files, valid_files

INPUTS = 2000


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("kind", KINDS)
def test_undamaged_files_are_read_correctly(worker: Worker, kind: str) -> None:
    for number in range(len(KINDS[kind].writers)):
        verdict = worker.judge(kind, valid_files(kind, number))
        assert (verdict.verdict, verdict.detail) == ("correct", "")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_or_read_correctly(worker: Worker, kind: str) -> None:
    seen = []

    @settings(
        max_examples=-(-INPUTS // len(KINDS)),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def judge(rng: random.Random) -> None:
        files = damaged_files(kind, rng)
        verdict = worker.judge(kind, files)
        seen.append(verdict.verdict)
        if verdict.verdict not in GOOD:
            note(f"for --replay: {fuzz.pack(kind, files)}")
        assert verdict.verdict in GOOD, f"{verdict.verdict}: {verdict.detail}"

    judge()
    assert {"refused", "correct"} <= set(seen)


FOUND = [
    ("dicom", b"\xe0\x7f\x10\x00OW", b"\xe0\x7f\x10\x00??", "refused"),  # where the pixels start is a guess
    ("dicom", b"\xe0\x7f\x10\x00OW\0\0\x28\0\0\0", b"\xe0\x7f\x10\x00ST\x28\0", "refused"),  # pixels as text
    ("dicom", b"\x28\x00\x02\x01US\x02\x00\x0f", b"\x28\x00\x02\x01US\x02\x00\x08", "refused"),  # highest bit 8 of 16
    ("dicom", b"\x18\x00\x50\x00DS\x04\x002.5 ", b"\x18\x00\x50\x00DS\x04\x002.k ", "correct"),  # thickness
    ("dicom", b"\x28\x00\x30\x00DS\x08\x000.9\\0.7 ", b"\x28\x00\x30\x00DS\x08\x000_9\\0.7 ", "refused"),
    ("dicom", b"DS\x02\x001 ", b"DS\x02\x00 \0", "refused"),  # no slope
    ("dicom", b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0", "correct"),  # said to be implicit, but is not
    ("rtstruct", b"\x06\x30\x20\x00SQ\0\0", b"\x06\x30\x20\x00OB\0\0\xfe\xff\xff\xff", "refused"),  # 4 GiB
    ("rtstruct", b"\x06\x30\x46\x00IS\x02\x004 ", b"\x06\x30\x46\x00IS\x02\x005 ", "refused"),  # a point less
    ("metaimage", b"Offset = -20", b"Offset = -2_0", "refused"),
    ("metaimage", b"Offset = -20 10 ", b"Offset = -20 10\x1c", "refused"),
    ("nrrd", b"space origin: (-20", b"space origin: (-2_0", "refused"),
    ("nrrd", b"sizes: 5 4 3", b"sizes: 5\x1c4 3", "refused"),
    ("xml", b"<xCoord>9<", b"<xCoord>0_9<", "refused"),
]
"""Damages that once gave another exception, a wrong volume or a request for memory, and what is right."""


@pytest.mark.parametrize(("kind", "old", "new", "right"), FOUND)
def test_what_fuzzing_found_stays_repaired(worker: Worker, kind: str, old: bytes, new: bytes, right: str) -> None:
    files = dict(valid_files(kind))
    changed = {name: content.replace(old, new) for name, content in files.items()}
    assert changed != files
    verdict = worker.judge(kind, changed)
    assert verdict.verdict == right, verdict


def test_worker_and_parent_notice_every_fault(tmp_path: Path) -> None:
    program = (str(Path(__file__).with_name("fuzz_misbehaving.py")),)
    with Worker(seconds=20, program=program) as worker:
        for fault in FAULTS:
            worker.seconds = 1 if fault == "hang" else 20
            verdict = worker.judge(fault, {"input": b"now"})
            assert verdict.verdict == fault.split()[0], f"{fault}: {verdict}"
            assert (verdict.verdict in GOOD) == (fault in ("refused", "uncompared", "correct"))


def test_command_counts_keeps_and_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, table = tmp_path / "kept", tmp_path / "table.md"
    code = fuzz.main(["--count", "30", "--kind", "nifti", "--keep", str(kept), "--out", str(table), "--jobs", "2"])
    assert code == 0
    assert "30 inputs, seed 0" in table.read_text()
    assert not kept.exists()
    file = tmp_path / "input.json"
    file.write_text(fuzz.pack("nifti", valid_files("nifti")))
    assert fuzz.main(["--replay", str(file)]) == 0
    assert "correct" in capsys.readouterr().out


def test_seed_and_number_decide_the_input() -> None:
    for kind in KINDS:
        one, again, other = (damaged_files(kind, random.Random(seed)) for seed in (1, 1, 2))
        assert one == again
        assert one != other
        assert fuzz.unpack(fuzz.pack(kind, one)) == (kind, one)
        assert json.loads(fuzz.pack(kind, one))["kind"] == kind


def test_elements_of_a_file_are_those_pydicom_finds(tmp_path: Path) -> None:
    (name, content), *_ = valid_files("rtstruct").items()
    (tmp_path / name).write_bytes(content)
    file = pydicom.dcmread(tmp_path / name)
    tags = [(e.tag.group, e.tag.element) for e in [*file.file_meta, *file.iterall()]]
    assert sorted(e.tag for e in dicom_elements(content) if e.tag[0] != 0xFFFE) == sorted(tags)


def test_readings_differ_by_shape_place_and_voxels() -> None:
    voxels, affine = np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0])
    ours = Reading(voxels, affine)
    assert difference(ours, Reading(voxels.astype(np.float64), affine)) == ""
    reversed_slices = np.diag([1.0, 2.0, -3.0, 1.0])
    reversed_slices[2, 3] = 3
    assert difference(ours, Reading(voxels[::-1], reversed_slices)) == ""
    assert "voxels, first" in difference(ours, Reading(voxels[:, ::-1], affine))
    assert "mm away" in difference(ours, Reading(voxels, np.diag([1.0, 2.0, 3.1, 1.0])))
    assert "shape" in difference(ours, Reading(voxels[:1], affine))
