"""What one job costs: measured seconds, bytes and memory, and the rules that carry them to other budgets.

Every figure names where it was measured. Those marked ``UNMEASURED`` were computed; nothing here was timed on a GPU.
"""

from dataclasses import dataclass, replace

from benchmarks.configurations import is_3d
from benchmarks.study_training import Budget

CORE_2025 = "one shared x86_64 core, 2025, one thread"
UNMEASURED = "computed, not measured"


@dataclass(frozen=True)
class StepCost:
    """Seconds of one training step: pixels of the batch x the larger of two terms in the network's width.

    Narrow networks are bound by memory traffic, which grows with the width; wide ones by arithmetic, with its square.
    """

    per_width: float
    per_squared_width: float
    device: str
    source: str
    factor: float
    """The true value is taken to lie within this factor either way."""

    def seconds(self, budget: Budget) -> float:
        """Return the seconds of a step; those of a GPU never fall below what starting its kernels takes."""
        height, width = budget.patch_size
        pixels = budget.batch_size * height * width
        work = pixels * max(self.per_width * budget.width, self.per_squared_width * budget.width**2)
        if self.device == CORE_2025:
            return work
        return work / budget.gpus + LEAST_GPU_STEP_S


LEAST_GPU_STEP_S = 0.02

UNET_CPU = StepCost(
    2.2e-7,
    1.2e-8,
    CORE_2025,
    "U-Net 2015, 4 x 96 x 96: 0.07, 0.12 and 1.8 s at widths 8, 16 and 64; 4 x 128 x 128 at width 8: 0.11 s",
    2.0,
)
NNUNET_CPU = StepCost(1.6e-6, 0.0, CORE_2025, "nnU-Net 2D plan, 4 x 96 x 96: 0.47 s; taken as width 8", 3.0)
UNET_CUDA = StepCost(
    0.0,
    8e-11,
    "a GPU of 15 TFLOP/s in mixed precision, as trained",
    f"{UNMEASURED}: 5 MFLOP a pixel and step at width 64",
    4.0,
)
NNUNET_CUDA = StepCost(4e-8, 0.0, UNET_CUDA.device, f"{UNMEASURED}: as U-Net 2015 of width 32", 4.0)
NNUNET_3D_CPU = StepCost(
    6e-7, 0.0, CORE_2025, "nnU-Net 3D plan, 2 x 48 x 96 x 96: 14 and 17 s; its first block has 32 channels", 2.0
)
NNUNET_3D_CUDA = StepCost(
    2.9e-9, 0.0, UNET_CUDA.device, f"{UNMEASURED}: 1.4 MFLOP a voxel and step of nnU-Net's 3D network", 4.0
)
NNUNET_3D_WIDTH = 32

STOCK = ("nnUNetTrainerCTShiftStock", "nnUNetTrainer")
"""Trainers whose network is nnU-Net's own, whatever width the budget names."""


def is_stock(trainer: str) -> bool:
    """Say whether a trainer's network is nnU-Net's own."""
    return trainer in STOCK or trainer.startswith("nnUNetTrainer_")


def seen_by(trainer: str, budget: Budget) -> Budget:
    """Return the budget as a trainer sees it; in 3D written as a 2D one whose patch has as many voxels.

    Slices count at their own distance there too: what resampling along z adds or saves is left out.
    """
    if not is_3d(trainer) or budget.three_d is None:
        return budget
    (z, y, x), (_, row_mm, column_mm) = budget.three_d.patch_size, budget.three_d.spacing_mm
    return replace(
        budget,
        batch_size=budget.three_d.batch_size,
        patch_size=(z * y, x),
        spacing_mm=(row_mm, column_mm),
        width=NNUNET_3D_WIDTH,
    )


def step_cost(trainer: str, device: str) -> StepCost:
    """Return the cost of a trainer's step on ``cpu`` or ``cuda``; a trainer not in the table counts as the U-Net."""
    if is_3d(trainer):
        return NNUNET_3D_CPU if device == "cpu" else NNUNET_3D_CUDA
    stock = is_stock(trainer)
    if device == "cpu":
        return NNUNET_CPU if stock else UNET_CPU
    return NNUNET_CUDA if stock else UNET_CUDA


def parameters(trainer: str, budget: Budget) -> int:
    """Return about how many parameters a network has: 31 million at width 64 (U-Net 2015), nnU-Net 2D up to 46.

    In 3D nnU-Net's network has 16 million with a patch of 96 x 96 in the plane, 31 with 128 x 128.
    """
    if is_3d(trainer):
        return 31_000_000
    return 46_000_000 if is_stock(trainer) else 7_600 * budget.width**2


START_S = {
    "train": 6.0,
    "predict": 5.0,
    "prepare": 9.0,
    "convert": 1.0,
    "evaluate": 3.0,
    "tables": 5.0,
    "figures": 25.0,
}
"""CPU seconds before a job's work begins, imports above all; measured on the same core. Others: 2 s."""
REGISTRATION_S, PAIR_S = 5.0, 0.5
"""CPU seconds to register an image to a template, whatever its size (one working resolution), and a pair of candidates
for templates."""
SECONDS_PER_VOXEL = {"convert": 1.2e-7, "check": 2e-8, "warp": 3e-7, "prepare": 1.5e-7, "evaluate": 5e-8}
"""CPU seconds of all images: DICOM of 512 x 512 x 64 converted in 0.93 s (phantoms are drawn 4 times slower), half of
48 images of 12 x 400 x 400 prepared in 20 s, 192 predictions of that size scored in 13 s."""
PREDICT_CPU_PER_VOXEL = 1.2e-7
"""CPU seconds beside the network: reading, resampling both ways, writing."""
PREDICT_OVERLAP = 1.4
"""Prediction of a pixel (forward only, tiles overlapping by half) by one of training: 24 images in 81 s, width 8."""
PREDICT_OVERLAP_3D = 2.7
"""In 3D up to eight tiles see a voxel, each at a third of a step (5.6 of 17.5 s measured): computed."""

RAW_BYTES_PER_VOXEL = 1.3
"""Compressed int16 CT: 1.15 measured on 512 x 512 x 64, 1.2 on noisy phantoms."""
PREPROCESSED_BYTES_PER_VOXEL = 3.5
"""float32 in blosc2 and labels at the trained spacing: 3.2 measured."""
PREDICTED_BYTES_PER_VOXEL = 0.03
"""Compressed label maps: 0.011 measured on few structures."""
CHECKPOINT_BYTES_PER_PARAMETER = 13
"""Weights and Adam's two moments: 6.4 MB at width 8."""
CHECKPOINTS = 4
"""Best, final or latest, the one before it, and one being written."""
SCORE_BYTES = 260
"""One row in CSV and parquet together: see benchmarks/performance/scale.md."""
FIGURES_BYTES = 50e6
"""All figures and tables of a study: 46 MB measured."""
MODEL_BYTES = 1_000_000
"""Logs, plans and the progress figure of one training."""
PIXEL_MM = 0.75
"""In-plane spacing of a chest CT where nothing tells."""

TRAINING_MEMORY = {"cpu": (1.2e9, 1500.0), "cuda": (4e9, 120.0)}
"""Main memory in bytes: fixed, and per activation (batch x pixels x width). 4 x 128 x 128 at width 8 took 1.31 GB."""
TRAINING_BYTES_3D = 75.0
"""Main memory of a 3D training on a CPU per activation: 2 x 48 x 96 x 96 at width 32 took 2 GB beside what is fixed."""
PREDICTION_MEMORY = (1.1e9, 24.0)
"""Bytes fixed and per voxel of the largest image: the image, its resampled copy, logits of two classes."""
GPU_MEMORY = (1.5e9, 16.0, 75.0)
"""Bytes fixed (context, workspace), per parameter (weights, gradients, Adam) and per activation: computed."""
LOADER_PROCESSES = 4
"""Of each GPU's training (trainers.train)."""
LOADER_BATCHES = 15
"""Batches that lie in shared memory at a time: 6 + 3 wait, one is made by each of 4 + 2 processes."""


def activations(budget: Budget) -> float:
    """Return values in the widest layer for one batch: batch x patch pixels x width."""
    height, width = budget.patch_size
    return float(budget.batch_size * height * width * budget.width)


def training_memory(trainer: str, budget: Budget, device: str) -> float:
    """Return the main memory of one training in bytes."""
    fixed, per_activation = TRAINING_MEMORY[device]
    if is_3d(trainer):
        budget, per_activation = seen_by(trainer, budget), min(per_activation, TRAINING_BYTES_3D)
    return fixed * (budget.gpus if device == "cuda" else 1) + per_activation * activations(budget)


def gpu_memory(trainer: str, budget: Budget) -> float:
    """Return the memory of each GPU of a training in bytes."""
    fixed, per_parameter, per_activation = GPU_MEMORY
    budget = seen_by(trainer, budget)
    return fixed + per_parameter * parameters(trainer, budget) + per_activation * activations(budget) / budget.gpus


def shared_memory(trainer: str, budget: Budget) -> float:
    """Return what the loader processes of one training on GPUs keep in ``/dev/shm``, in bytes."""
    budget = seen_by(trainer, budget)
    height, width = budget.patch_size
    return LOADER_BATCHES * budget.batch_size * height * width * (4 + 2)
