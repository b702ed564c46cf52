"""Fixtures every test may use: real CT where it is at hand, one thread per process."""

import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mini_run import finished
from toy_dataset import dataset_folder, run_with, toy

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("nnUNet_def_n_proc", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

__all__ = ["dataset_folder", "finished", "run_with", "toy"]  # fixtures of a toy dataset and a small study

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def kept_environment() -> Iterator[None]:
    """Put the environment back after a stage pointed nnU-Net at its folders."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real CT archives, or skip."""
    shared = Path(os.environ.get("CTSHIFT_SHARED", REPOSITORY.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip(f"real CT not found at {shared / 'data'}; set CTSHIFT_SHARED to the folder that holds data/")
    return shared / "data"


@pytest.fixture(scope="session")
def sts_root(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked soft-tissue sarcoma patients (``STS_xxx/CT/...``)."""
    return _unpacked(shared_data / "sts" / "sts_ct_rtstruct.tar.xz", tmp_path_factory.mktemp("sts"))


@pytest.fixture(scope="session")
def lung_dx_root(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked whole-chest patient with two kernels of one acquisition."""
    return _unpacked(shared_data / "lung_dx_a0001" / "dicom.tar.xz", tmp_path_factory.mktemp("lung_dx"))


def _unpacked(archive: Path, folder: Path) -> Path:
    if not archive.is_file():
        pytest.skip(f"{archive} not found")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder
