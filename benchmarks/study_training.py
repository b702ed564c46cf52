"""The records of how a study trains: equal arms, image preparation, budget and split; part of ``study``."""

from dataclasses import dataclass
from typing import Literal

Configuration = Literal["2d", "3d_fullres"]
"""nnU-Net's name for what a network sees: slices, or volumes."""


@dataclass(frozen=True)
class EqualArms:
    """Arms whose training sets are levelled to one size in every fold (Hofmanninger 2020, section II-E).

    ``volumes`` is the number of images each trains on and ``lung_slices`` the number of slices; 0: as many as the
    smallest of ``arms`` has. Every image counts, also those of one patient: an arm of two variants takes ``volumes``
    images in all. With ``slices = "lung"`` only slices on which the training reader marked ``[scoring] lung`` are
    trained on, and levelled; with ``all`` every slice of the chosen images is.
    """

    arms: tuple[str, ...] = ()
    volumes: int = 0
    slices: Literal["all", "lung"] = "all"
    lung_slices: int = 0


@dataclass(frozen=True)
class Templates:
    """Training images that every image of an arm is registered to (AtlasNet; Chassagnon 2020, "Deep Learning-based").

    Each template gives a network of its own, the arm ``<arm>-T<number>``, trained on the arm's images warped to it; the
    arm itself is their simple majority vote. ``count`` templates are chosen among the training images of a fold,
    the most diverse by pairwise registration energy, or ``images`` names them (``<dataset>_<case>-<variant>``).
    ``registration`` is a backend of ``dataset_converters/registration``.
    """

    count: int = 0
    images: tuple[str, ...] = ()
    registration: str = "svf"

    @property
    def number(self) -> int:
        """Return how many templates there are; 0: the arm is trained on its images as they are."""
        return self.count or len(self.images)


@dataclass(frozen=True)
class ImageSettings:
    """How every image is prepared and shown.

    ``hu_window`` is mapped to [0, 1] for the networks, the same for every arm; ``display_window`` is what figures
    show (default: the usual lung window, level -600, width 1500 HU).
    """

    hu_window: tuple[float, float] = (-1024.0, 600.0)
    display_window: tuple[float, float] = (-1350.0, 150.0)


@dataclass(frozen=True)
class ThreeD:
    """What 3D training needs beside the iterations, which are the same for every trainer; all in (z, y, x).

    The network is nnU-Net's own for this patch and spacing; images are resampled to ``spacing_mm``, slices too.
    """

    patch_size: tuple[int, int, int]
    batch_size: int
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Budget:
    """The training budget on one kind of device, equal for every arm and trainer.

    ``spacing_mm`` is the in-plane (y, x) spacing trained at; slices keep their own distance. ``width`` is the
    number of channels of the first block. ``learning_rate`` is each trainer's own (0.0001 in the 2021 paper)
    unless a budget too small for it says otherwise; tables name it then. ``gpus`` of one machine share each training
    (``[budgets.cuda]`` only): every step's batch is divided among them, so ``batch_size`` and the number of steps stay
    what they are, and a study trains the same protocol on one GPU or on several. ``three_d`` is what trainers with
    ``configuration = "3d_fullres"`` take in place of patch, batch and spacing. ``checkpoint_minutes`` is the least time
    between two checkpoints (default: one every epoch): what a kill may cost, and what a file server has to bear.
    """

    iterations: int
    iterations_per_epoch: int
    validation_iterations: int
    batch_size: int
    width: int
    patch_size: tuple[int, int]
    spacing_mm: tuple[float, float]
    learning_rate: float | None = None
    augmentation: Literal["none", "geometric"] = "none"
    gpus: int = 1
    three_d: ThreeD | None = None
    checkpoint_minutes: float | None = None


@dataclass(frozen=True)
class Prediction:
    """How test images are predicted: with ``mirroring`` averaged over mirrored images too, where the trainer allows it.

    nnU-Net's default; off here, because it costs four times as much in 2D.
    """

    mirroring: bool = False


@dataclass(frozen=True)
class Split:
    """How patients are divided; always by patient.

    ``roles``: train and test as the source says, ``validation_share`` of the training patients (at least one)
    watch the training. ``cross_validation``: every patient is tested once; the held-out fold watches, the last
    checkpoint is used, so that nothing is chosen on it. ``run_folds`` names those of the ``folds`` that are trained
    and tested (default all); it may grow later, and only the new ones are then trained.
    """

    kind: Literal["roles", "cross_validation"]
    folds: int = 1
    seed: int = 0
    validation_share: float = 0.1
    run_folds: tuple[int, ...] = ()

    @property
    def chosen_folds(self) -> tuple[int, ...]:
        """Return the numbers of the folds that are trained and tested."""
        return self.run_folds or tuple(range(self.folds))
