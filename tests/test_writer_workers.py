"""Cases converted side by side: the same bytes, every fault, and no hang when a worker dies."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk
from toy_dataset import Convert, files_below, make_annotation, make_case, make_image

from dataset_converters.atomic import DiskFullError
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage
from dataset_converters.writing.workers import Lost, work_in_processes

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def one_image(load: Callable[[], CtImage], name: str) -> Case:
    return make_case(name, images={"LK": load})


@pytest.mark.parametrize(("count", "workers"), [(0, 2), (1, 2), (5, 2), (3, 3), (2, 5)])
def test_every_piece_of_work_is_done_once(count: int, workers: int) -> None:
    done = list(work_in_processes(lambda index: (index, os.getpid()), count, workers=workers))
    assert sorted(index for index, _ in done) == list(range(count))
    assert all(index == result[0] for index, result in done)
    assert len({pid for _, (_, pid) in done}) <= workers
    assert os.getpid() not in {pid for _, (_, pid) in done}


def test_the_same_bytes_as_one_worker(run_with: Convert, tmp_path: Path) -> None:
    cases = [make_case(f"P{n}", images={"LK": lambda n=n: CtImage(make_image(n), {})}) for n in range(5)]
    sitk.SmoothingRecursiveGaussian(make_image(), 2.0)  # ITK's threads run before the processes are forked
    run_with(*cases)
    alone = files_below(tmp_path / "run")
    for path in sorted((tmp_path / "run").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    run_with(*cases, workers=2)
    assert files_below(tmp_path / "run") == alone


def test_itk_works_in_a_worker_after_it_ran_threads_here() -> None:
    def smoothed(_: int) -> float:
        return float(sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(make_image(), 2.0)).sum())

    here = smoothed(0)
    assert [result for _, result in work_in_processes(smoothed, 2, workers=2)] == [here, here]


def test_a_worker_that_is_killed_is_an_error_that_names_the_case(run_with: Convert, tmp_path: Path) -> None:
    def killed() -> CtImage:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    cases = [make_case("P1"), one_image(killed, "P2"), make_case("P3"), make_case("P4")]
    with pytest.raises(ConversionError, match=r"toy: P2: found a worker process that ended \(signal 9\)") as caught:
        run_with(*cases, workers=2)
    assert caught.value.case == "P2"
    records = tmp_path / "run/annotations/Dataset790_toy/records"
    assert sorted(path.stem for path in records.iterdir()) == ["P1", "P3", "P4"], "the others were converted"
    assert not (tmp_path / "run/nnUNet_raw/Dataset790_toy/dataset.json").exists()
    run_with(*(make_case(f"P{n}") for n in (1, 2, 3, 4)), workers=2)


def test_a_worker_that_leaves_is_lost_with_its_exit_code() -> None:
    assert list(work_in_processes(lambda _: os._exit(7), 3, workers=1)) == [(n, Lost(7)) for n in range(3)]


def test_faults_of_several_workers_come_together_in_the_order_of_the_cases(run_with: Convert) -> None:
    def slow_failure() -> CtImage:
        time.sleep(0.2)
        raise ValueError("Doe^John")

    broken = {"annotations": {"r": lambda grid: make_annotation(grid, value=3)}}
    with pytest.raises(ConversionErrors) as caught:
        run_with(one_image(slow_failure, "P1"), make_case("P2"), make_case("P3", **broken), workers=2)
    assert [fault.case for fault in caught.value.exceptions] == ["P1", "P3"]
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  toy: P1: found ValueError (")
    assert lines[2].startswith("  toy: P3: found annotation of r: labels 3 (12 voxels); wanted")
    assert "Doe" not in str(caught.value)


def test_too_little_memory_for_one_case_is_its_fault(run_with: Convert) -> None:
    def large() -> CtImage:
        raise MemoryError("of a large header")

    with pytest.raises(ConversionError, match=r"P2: found too little memory .*use fewer workers"):
        run_with(make_case("P1"), one_image(large, "P2"))


def test_a_full_disk_in_a_worker_stops_the_conversion(run_with: Convert, tmp_path: Path) -> None:
    images = tmp_path / "run/nnUNet_raw/Dataset790_toy/imagesTr"

    def load() -> CtImage:
        (images / f".P2-LK_0000.nii.gz.{os.getpid()}.partial").symlink_to("/dev/full")
        return CtImage(make_image(2), {})

    with pytest.raises(DiskFullError, match=r"disk full while writing .*P2-LK_0000.nii.gz"):
        run_with(make_case("P1"), one_image(load, "P2"), workers=2)
    assert not [path for path in images.iterdir() if "P2" in path.name]


def test_workers_clean_up_when_the_caller_stops(tmp_path: Path) -> None:
    def work(index: int) -> int:
        if index == 0:
            while not (tmp_path / "started").exists():
                time.sleep(0.01)
            return os.getpid()
        try:
            (tmp_path / "started").touch()
            time.sleep(60)
        finally:
            (tmp_path / "cleaned").touch()
        return os.getpid()

    results = work_in_processes(work, 2, workers=2)
    _, pid = next(results)
    results.close()
    assert (tmp_path / "cleaned").exists(), "SIGTERM raised SystemExit in the work"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_only_one_conversion_writes_to_a_folder(
    run_with: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset_converters.writing.output_folder._PATIENCE_S", 0.2)

    def second() -> CtImage:
        run_with(make_case("P1"))
        raise AssertionError

    with pytest.raises(ConversionError, match="toy: found another conversion that writes to"):
        run_with(one_image(second, "P1"))
    run_with(make_case("P1"))
