"""What a study is made of, counted: images and voxels of each dataset, test images of each model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.study import DatasetUse, Study
from dataset_converters.records import Case

CHEST_VOXELS = 512 * 512 * 300
"""Of an image where nothing tells its size."""
MOST_FILES = 200_000
BYTES_PER_SOURCE_VOXEL = 2
"""Uncompressed DICOM."""


@dataclass(frozen=True)
class Images:
    """The images of one dataset: all variants of all cases."""

    count: int
    voxels: float
    source: str
    """Where the number of voxels of an image comes from."""


@dataclass(frozen=True)
class Contents:
    """What a study's jobs work on.

    ``trained`` and ``tested`` count voxels: of the images that are preprocessed, and that one model predicts.
    """

    datasets: Mapping[str, Images]
    models: int
    test_images: float
    test_voxels: float
    largest_voxels: float

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(entry.count for entry in self.datasets.values())

    @property
    def voxels(self) -> float:
        """Voxels of all images."""
        return sum(entry.count * entry.voxels for entry in self.datasets.values())


def count_contents(study: Study, cases: Mapping[str, list[Case]], folders: Mapping[str, Path]) -> Contents:
    """Count what a study works on, without reading a pixel; ``folders`` are those of the source data."""
    datasets = {use.name: _images(use, cases[use.name], folders[use.name]) for use in study.datasets}
    tested = {
        (dataset, case.case, variant)
        for entry in study.test_sets
        for dataset in entry.datasets
        for case in cases[dataset]
        for variant in case.images
        if variant in entry.variants and (study.split.kind != "roles" or case.role == "test")
    }
    share = 1 / study.split.folds if study.split.kind == "cross_validation" else 1.0
    voxels = sum(datasets[dataset].voxels for dataset, _, _ in tested)
    return Contents(
        datasets,
        models=_trained_by(study) * len(study.seeds) * len(study.split.chosen_folds),
        test_images=share * len(tested),
        test_voxels=share * voxels,
        largest_voxels=max(entry.voxels for entry in datasets.values()),
    )


def _trained_by(study: Study) -> int:
    return sum(len(study.trainers_of(arm)) for arm in study.arms)


def _images(use: DatasetUse, cases: list[Case], folder: Path) -> Images:
    count = sum(len(case.images) for case in cases)
    size = use.options.get("size_zyx")
    if isinstance(size, tuple | list) and len(size) == 3:
        return Images(count, float(size[0]) * float(size[1]) * float(size[2]), "its size_zyx")
    found = _bytes_below(folder)
    native = sum(1 for case in cases for _ in case.images) or 1
    if found > native * 10_000:
        return Images(count, found / native / BYTES_PER_SOURCE_VOXEL, f"{found / 1e9:.1f} GB of source files")
    return Images(count, CHEST_VOXELS, "512 x 512 x 300, a usual chest CT")


def _bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder; of very many, of the first ``MOST_FILES``."""
    total = seen = 0
    for place, _, names in os.walk(folder):
        for name in names:
            seen += 1
            if seen > MOST_FILES:
                return total
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total
