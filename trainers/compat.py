"""Every place where we reach into nnU-Net 2.8; ``tests/test_trainers_compat.py`` guards what it relies on."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from types import ModuleType, SimpleNamespace
from typing import Any

from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from trainers.registry import list_trainers


def find_trainer(name: str) -> Any:
    """Return a trainer class as nnU-Net's search would, ours without importing all of nnU-Net's own (1 s)."""
    if name in list_trainers():
        return getattr(importlib.import_module(f"trainers.nnunet.{name}"), name)
    return recursive_find_trainer_class_by_name(name)


@contextmanager
def short_search(module: ModuleType) -> Iterator[None]:
    """Let an nnU-Net module look trainers up by ``find_trainer``."""
    original = module.recursive_find_trainer_class_by_name
    module.recursive_find_trainer_class_by_name = find_trainer  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.recursive_find_trainer_class_by_name = original  # type: ignore[attr-defined]


@contextmanager
def loader_class(loader: type | None) -> Iterator[None]:
    """Let nnU-Net's ``get_dataloaders`` make loaders of this class; None keeps its own."""
    original = trainer_module.nnUNetDataLoader
    trainer_module.nnUNetDataLoader = loader or original
    try:
        yield
    finally:
        trainer_module.nnUNetDataLoader = original


@contextmanager
def in_this_process(module: ModuleType) -> Iterator[None]:
    """Run the pools of one nnU-Net module as threads of this process: a spawned worker costs 3 s of imports."""
    original = module.multiprocessing
    stand_in = SimpleNamespace(get_context=lambda method=None: SimpleNamespace(Pool=ThreadPool))
    module.multiprocessing = stand_in  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.multiprocessing = original  # type: ignore[attr-defined]


@contextmanager
def without_progress_png(logger: Any) -> Iterator[None]:
    """Skip the 30x54 inch figure that nnU-Net draws every epoch (0.6 s)."""
    logger.plot_progress_png = lambda output_folder: None
    try:
        yield
    finally:
        del logger.plot_progress_png


def fix_blur_algorithm(transforms: Any) -> None:
    """Stop Gaussian blur from choosing its algorithm by a stopwatch, which changes results from run to run."""
    for transform in getattr(transforms, "transforms", []):
        inner = getattr(transform, "transform", transform)
        if hasattr(inner, "benchmark"):
            inner.benchmark = False
