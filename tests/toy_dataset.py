"""A dataset of invented cases for tests of the registry, the writer and the check."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

import dataset_converters.datasets
from dataset_converters.records import Case, CtImage
from dataset_converters.writing.writer import convert

Convert = Callable[..., Path]
SIZE_ZYX = (5, 7, 6)
SPACING_MM = (0.8, 0.9, 3.0)
MODULE = '''"""Toy."""
from dataset_converters.records import DatasetInfo

DATASET = DatasetInfo(
    name="{name}", dataset_id={dataset_id}, title="Toy", paper="Toy 2020", access="none", licence="CC0", citation="Toy",
    labels={labels}, variants={{"LK": "native", "MK": "native"}}, lung_definition="none",
    expected_cases=3, options={{"depth": "number of slices"}},
)


def list_cases(root, *, depth=5):
    return []


def make_sample(root):
    root.mkdir(exist_ok=True)
'''


def add_module(
    folder: Path, name: str, *, dataset_id: int = 790, labels: str = '{"background": 0, "tumour": 1}'
) -> Path:
    """Write a dataset file that keeps the contract."""
    path = folder / f"{name}.py"
    path.write_text(MODULE.format(name=name, dataset_id=dataset_id, labels=labels), encoding="utf-8")
    return path


def make_image(seed: int = 0, *, dtype: str = "int16", spacing_mm: Sequence[float] = SPACING_MM) -> sitk.Image:
    """Return noise in HU, oblique axes and an origin that no float holds exactly."""
    values = np.random.default_rng(seed).normal(-400, 300, SIZE_ZYX).clip(-1024, 1500).astype(dtype)
    values[0, 0, :2] = -1000, 900
    image = sitk.GetImageFromArray(values)
    image.SetSpacing([float(value) for value in spacing_mm])
    image.SetOrigin((-101.3, 55.7, -1203.1))
    cosine, sine = np.cos(0.1), np.sin(0.1)
    image.SetDirection((cosine, -sine, 0, sine, cosine, 0, 0, 0, 1))
    return image


def make_annotation(grid: sitk.Image, *, slices: Sequence[int] = (1, 2), value: int = 1) -> sitk.Image:
    """Return one 2 x 3 rectangle of a label on each given slice."""
    values = np.zeros(SIZE_ZYX, dtype=np.uint8)
    for z in slices:
        values[z, 2:4, 1:4] = value
    annotation = sitk.GetImageFromArray(values)
    annotation.CopyInformation(grid)
    return annotation


def make_case(name: str = "P1", **changes: object) -> Case:
    """Return a case with two variants and one reader, changed as asked."""
    fields: dict = {
        "patient": name,
        "case": name,
        "images": {
            "LK": lambda: CtImage(make_image(1), {"kernel": "B70f"}),
            "MK": lambda: CtImage(make_image(2), {"kernel": "B30f"}),
        },
        "annotations": {"reader1": make_annotation},
    }
    return Case(**{**fields, **changes})


@pytest.fixture
def dataset_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files the registry finds, beside the real ones."""
    folder = tmp_path / "more_datasets"
    folder.mkdir()
    package = dataset_converters.datasets
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(f"{package.__name__}.") and str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            sys.modules.pop(name)
            monkeypatch.delattr(package, name.rsplit(".", 1)[1], raising=False)


@pytest.fixture
def toy(dataset_folder: Path) -> ModuleType:
    """The toy dataset, registered; tests replace its ``list_cases``."""
    from dataset_converters.registry import find_dataset

    add_module(dataset_folder, "toy")
    return find_dataset("toy")


@pytest.fixture
def run_with(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    """Convert the given cases as dataset ``toy`` into ``tmp_path/run``."""

    def converted(*cases: Case, **settings: object) -> Path:
        monkeypatch.setattr(toy, "list_cases", lambda root, **options: list(cases))
        return convert("toy", tmp_path / "source", tmp_path / "run", **settings)

    return converted


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
