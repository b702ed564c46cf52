"""The records of a study: what is trained, on what, and what it is tested on; ``study_file`` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class DatasetUse:
    """A source dataset in this study.

    ``converter`` is the dataset file that reads it (default: ``name``), ``folder`` its place below the data
    folder (default ``name``; ``.`` is the data folder itself), ``id`` its nnU-Net id (default: the file's own),
    ``training_reader`` whose annotation is trained on (default: the first), ``options`` go to ``list_cases``,
    ``exclude`` maps a case to the reason it is left out.
    """

    name: str
    label: str = ""
    converter: str = ""
    folder: str = ""
    id: int = 0
    training_reader: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """What a model is trained on: datasets (default all) and variants.

    ``recipe`` is the table row it belongs to when arms of several datasets share one (default ``name``).
    ``patients_like`` names arms: this arm then takes as many patients in all as the smallest of them has, an
    equal share from each variant. ``class_weights`` fixes the loss weight of a structure instead of measuring
    its inverse frequency on the training slices.
    """

    name: str
    variants: tuple[str, ...]
    label: str = ""
    recipe: str = ""
    datasets: tuple[str, ...] = ()
    patients_like: tuple[str, ...] = ()
    class_weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TestSet:
    """What a model is scored on: datasets (default all), variants, readers (default all).

    ``arms`` names the arms that are scored on it (default: those that train on one of its datasets); naming
    others gives the cross-dataset matrix.
    """

    __test__ = False  # not a pytest class

    name: str
    variants: tuple[str, ...]
    label: str = ""
    datasets: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainerUse:
    """A trainer class by name."""

    name: str
    label: str = ""


@dataclass(frozen=True)
class Baseline:
    """A competitor without training, for example the centred ellipsoid fitted to the training masks."""

    name: str
    kind: Literal["centred_ellipsoid"]
    label: str = ""


@dataclass(frozen=True)
class ImageSettings:
    """How every image is prepared and shown.

    ``hu_window`` is mapped to [0, 1] for the networks, the same for every arm; ``display_window`` is what figures
    show (default: the usual lung window, level -600, width 1500 HU).
    """

    hu_window: tuple[float, float] = (-1024.0, 600.0)
    display_window: tuple[float, float] = (-1350.0, 150.0)


@dataclass(frozen=True)
class Budget:
    """The training budget on one kind of device, equal for every arm and trainer.

    ``spacing_mm`` is the in-plane (y, x) spacing trained at; slices keep their own distance. ``width`` is the
    number of channels of the first block. ``learning_rate`` is the trainers' own (0.0001 in the 2021 paper) unless
    a budget too small for it says otherwise; tables name it then.
    """

    iterations: int
    iterations_per_epoch: int
    validation_iterations: int
    batch_size: int
    width: int
    patch_size: tuple[int, int]
    spacing_mm: tuple[float, float]
    learning_rate: float = 0.0001
    augmentation: Literal["none", "geometric"] = "none"


@dataclass(frozen=True)
class Split:
    """How patients are divided; always by patient.

    ``roles``: train and test as the source says, ``validation_share`` of the training patients (at least one)
    watch the training. ``cross_validation``: every patient is tested once; the held-out fold watches, the last
    checkpoint is used, so that nothing is chosen on it.
    """

    kind: Literal["roles", "cross_validation"]
    folds: int = 1
    seed: int = 0
    validation_share: float = 0.1


@dataclass(frozen=True)
class Comparison:
    """One hypothesis test of Table 1: two arms on one test set, or one arm on two test sets."""

    arms: tuple[str, ...]
    test_sets: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """Table 1: ``paired`` says whether a patient has every variant; its tests form one Bonferroni family a dataset."""

    paired: bool = True
    note: str = ""
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Study:
    """One study, whole. Names in it refer to each other and were checked on reading."""

    name: str
    title: str
    dataset_id: int
    structures: Mapping[str, tuple[str, ...]]
    datasets: tuple[DatasetUse, ...]
    arms: tuple[Arm, ...]
    trainers: tuple[TrainerUse, ...]
    test_sets: tuple[TestSet, ...]
    budgets: Mapping[str, Budget]
    split: Split
    paper: str = ""
    seeds: tuple[int, ...] = (0,)
    image: ImageSettings = ImageSettings()
    baselines: tuple[Baseline, ...] = ()
    tables: Tables = Tables()

    def rows_on(self, test_set: TestSet, dataset: str) -> dict[str, str]:
        """Return the arms and baselines scored on a dataset of a test set, each with its table row (recipe)."""
        if dataset not in test_set.datasets:
            return {}
        named = test_set.arms
        arms = {arm.name: arm.recipe for arm in self.arms if (arm.name in named if named else dataset in arm.datasets)}
        return arms | {entry.name: entry.name for entry in self.baselines if not named or entry.name in named}
