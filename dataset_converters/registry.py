"""The datasets there are: every file in ``dataset_converters/datasets`` is one, nothing else is edited."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import dataset_converters.datasets
from dataset_converters.records import Case, DatasetInfo


class DatasetModule(Protocol):
    """What a dataset file defines.

    A file whose labels or variants depend on its options also defines ``describe(root, **options)``, which returns
    its ``DatasetInfo`` with those of this folder; see `describe_dataset`. One that leaves files out on purpose defines
    ``left_out(root, **options)``, which returns a sentence for each kind of them; see `left_out`.
    """

    DATASET: DatasetInfo

    @staticmethod
    def list_cases(root: Path, /) -> Sequence[Case]:
        """Return the cases below a folder; further keywords are those of ``DATASET.options``."""

    @staticmethod
    def make_sample(root: Path, /) -> None:
        """Write two tiny cases as the source publishes them, invented content only."""


class RegistryError(Exception):
    """A dataset is unknown, or its file breaks the contract."""


def dataset_names() -> tuple[str, ...]:
    """Return the names of all dataset files, sorted, without importing them; ``_name.py`` is a helper."""
    found = pkgutil.iter_modules(dataset_converters.datasets.__path__)
    return tuple(sorted(entry.name for entry in found if not entry.name.startswith("_")))


def find_dataset(name: str) -> DatasetModule:
    """Import a dataset file and check that it keeps the contract.

    Raises
    ------
    RegistryError
        If there is no such file (the message lists the choices), or it breaks the contract.
    """
    names = dataset_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise RegistryError(f"found no dataset {name!r}; {hint}the choices are: {', '.join(names) or 'none'}")
    try:
        module = importlib.import_module(f"{dataset_converters.datasets.__name__}.{name}")
    except Exception as error:
        raise RegistryError(f"{name}: the dataset file cannot be imported: {type(error).__name__}: {error}") from error
    return _checked(name, module)


def describe_dataset(module: DatasetModule, root: Path, options: Mapping[str, Any]) -> DatasetInfo:
    """Return what a dataset is for one folder and its options: ``DATASET``, or what the file's ``describe`` says.

    Raises
    ------
    ConversionError
        If the folder or an option is wrong.
    RegistryError
        If what ``describe`` returns breaks the contract.
    """
    describe = getattr(module, "describe", None)
    if describe is None:
        return module.DATASET
    info: DatasetInfo = describe(Path(root), **options)
    for fault in _faults(module.DATASET.name, info):
        raise RegistryError(f"{module.DATASET.name}: {fault}; correct the options or the files they name")
    return info


def left_out(module: DatasetModule, root: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a collection leaves out on purpose: short sentences with counts, without names.

    Raises
    ------
    ConversionError
        If the folder or an option is wrong.
    """
    find: Callable[..., Sequence[str]] | None = getattr(module, "left_out", None)
    return () if find is None else tuple(find(Path(root), **options))


def list_datasets() -> tuple[DatasetModule, ...]:
    """Import and check every dataset file, sorted by name.

    Raises
    ------
    RegistryError
        If a file breaks the contract or two files share a ``dataset_id``.
    """
    modules = tuple(find_dataset(name) for name in dataset_names())
    owners: dict[int, str] = {}
    for module in modules:
        info = module.DATASET
        if info.dataset_id in owners:
            raise RegistryError(
                f"{info.name}: found dataset_id {info.dataset_id}, which {owners[info.dataset_id]!r} has already; "
                "wanted an id of its own; change it in one of the two files"
            )
        owners[info.dataset_id] = info.name
    return modules


def _checked(name: str, module: object) -> DatasetModule:
    missing = [part for part in ("DATASET", "list_cases", "make_sample") if not hasattr(module, part)]
    if missing:
        raise RegistryError(f"{name}: found no {', '.join(missing)}; wanted DATASET, list_cases and make_sample")
    info = module.DATASET  # type: ignore[attr-defined]
    if not isinstance(info, DatasetInfo):
        raise RegistryError(f"{name}: found DATASET of type {type(info).__name__}; wanted a DatasetInfo")
    for fault in _faults(name, info):
        raise RegistryError(f"{name}: {fault}; correct DATASET in the dataset file")
    return cast(DatasetModule, module)


def _faults(name: str, info: DatasetInfo) -> list[str]:
    """Return each way a record breaks the contract, as found and wanted."""
    faults = []
    if info.name != name:
        faults.append(f"found name {info.name!r}; wanted the name of its file, {name!r}")
    if "ignore" in info.labels:
        faults.append("found a label 'ignore'; wanted none: the writer adds it where slices are not annotated")
    if info.labels.get("background") != 0 or sorted(info.labels.values()) != list(range(len(info.labels))):
        faults.append(f"found labels {dict(info.labels)}; wanted background 0 and consecutive values")
    if len(info.labels) < 2:
        faults.append(f"found labels {dict(info.labels)}; wanted one structure at least")
    if not 1 <= info.dataset_id <= 899:
        faults.append(f"found dataset_id {info.dataset_id}; wanted 1 to 899 (900 to 999 are studies)")
    if not info.variants:
        faults.append("found no variants; wanted one at least")
    faults += [f"found an empty {part!r}; wanted text" for part in ("licence", "paper") if not getattr(info, part)]
    return faults
