"""The base of our trainers: strict splits, the study's budget, atomic checkpoints, reproducible epochs."""

import json
import os
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from dataset_converters.atomic import replacing
from trainers import checkpoint, compat
from trainers.device import device_name, peak_gpu_memory_mb
from trainers.distributed import end_with_parent
from trainers.errors import TrainerError
from trainers.plans import require_2d
from trainers.progress import Attempts, write_progress
from trainers.recovery import LATEST, PREVIOUS
from trainers.reproducible import INITIAL_WEIGHTS, limit_threads, seed_everything
from trainers.sampling.chosen_slices import ChosenSlices
from trainers.settings import read_settings
from trainers.splits import fold_of, read_slices, read_split

FOLDS_NNUNET_MAKES = 5


class CTShiftTrainer(nnUNetTrainer):
    """nnU-Net's trainer with a study's budget and splits; network, loss and sampling stay nnU-Net's own.

    With the entry ``ctshift`` in the plans file (``trainers.prepare`` writes it) the splits are read from
    ``splits_<plans_name>.json`` and the budget from the entry. Without it the trainer works on any
    nnU-Net dataset, with nnU-Net's splits and 1000 epochs of 250 iterations.

    Beyond nnU-Net: a fold that is not in the splits is refused (nnU-Net draws a random one); checkpoints are
    written every epoch and atomically, and load with ``weights_only``; every epoch reseeds its generators, so
    that with in-process loading (``nnUNet_n_proc_DA=0``) on the CPU a resumed training equals an undisturbed one; a
    loss that is not a number stops the training; the thread count is ours; ``progress.json`` says how far it is.
    """

    loader_class: type | None = None
    dataset_class: Any
    _best_ema: Any
    _attempts: Attempts | None = None

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int | str, dataset_json: dict[str, Any], device: Any
    ) -> None:
        plans = self.adapt_plans(deepcopy(plans), configuration)
        dataset_json = self.adapt_dataset(deepcopy(dataset_json))
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.settings = read_settings(plans)
        self.seed = 0 if self.settings is None else self.settings.seed
        self._saved_at = self._epoch_started = time.monotonic()
        if self.settings is not None:
            self.num_iterations_per_epoch = self.settings.iterations_per_epoch
            self.num_val_iterations_per_epoch = self.settings.validation_iterations
            self.num_epochs = self.settings.epochs

    @classmethod
    def adapt_plans(cls, plans: dict[str, Any], configuration: str) -> dict[str, Any]:
        """Return the plans as this trainer needs them; they are saved beside the model and used in prediction."""
        return plans

    @classmethod
    def adapt_dataset(cls, dataset_json: dict[str, Any]) -> dict[str, Any]:
        """Return the ``dataset.json`` as this trainer sees it; saved beside the model and used in prediction."""
        return dataset_json

    def initialize(self) -> None:
        """Set threads and seed, then build network, optimiser and loss."""
        if self.is_ddp:
            end_with_parent()
        self._attempts = Attempts(Path(self.output_folder) / "progress.json")
        limit_threads(self.device)
        seed_everything(self.seed, INITIAL_WEIGHTS)
        super().initialize()

    def do_split(self) -> tuple[list[str], list[str]]:
        """Return the training and validation cases of this fold; refuse one that is not there."""
        if self.dataset_class is None:
            self.dataset_class = infer_dataset_class(self.preprocessed_dataset_folder)
        base = Path(self.preprocessed_dataset_folder_base)
        if self.settings is not None:
            known = set(self.dataset_class.get_identifiers(self.preprocessed_dataset_folder))
            return read_split(base / f"splits_{self.plans_manager.plans_name}.json", self.fold, known)
        if self.fold != "all":
            own = base / "splits_final.json"
            splits = json.loads(own.read_text()) if own.is_file() else [{}] * FOLDS_NNUNET_MAKES
            fold_of(splits, self.fold, str(own))
        train, val = super().do_split()
        return list(train), list(val)

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """Return the two sides of the split, the training side cut to the slices the study chose, if it chose any."""
        train, val = super().get_tr_and_val_datasets()
        if self.settings is None:
            return train, val
        name = f"splits_{self.plans_manager.plans_name}.json"
        slices = read_slices(Path(self.preprocessed_dataset_folder_base) / name, self.fold)
        if slices is None:
            return train, val
        require_2d(self.plans_manager.plans, self.configuration_name, type(self).__name__)
        return ChosenSlices(train, slices), val

    def get_dataloaders(self) -> Any:
        """Return nnU-Net's loaders, of this trainer's loader class."""
        with compat.loader_class(self.loader_class):
            return super().get_dataloaders()

    def get_training_transforms(self, *args: Any, **kwargs: Any) -> Any:
        """Return nnU-Net's transforms, made repeatable."""
        transforms = super().get_training_transforms(*args, **kwargs)
        compat.fix_blur_algorithm(transforms)
        return transforms

    def plot_network_architecture(self) -> None:
        """Do nothing: nnU-Net's plot needs a package that no longer works."""

    def on_train_epoch_start(self) -> None:
        """Make the epoch's random numbers a function of (seed, epoch, rank)."""
        self._epoch_started = time.monotonic()
        seed_everything(self.seed, self.current_epoch, self.local_rank)
        super().on_train_epoch_start()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Take one step; stop where the loss is not a number, which nnU-Net would train on with."""
        outputs: dict[str, Any] = super().train_step(batch)
        if not np.isfinite(outputs["loss"]).all():
            raise TrainerError(
                f"{type(self).__name__}, {self.plans_manager.plans_name}, fold {self.fold}",
                found=f"loss {outputs['loss']} in epoch {self.current_epoch}, cases {sorted(set(batch['keys']))}",
                wanted="a finite loss",
                action="check these cases for NaN voxels; the last checkpoint is from before this epoch",
            )
        return outputs

    def on_epoch_end(self) -> None:
        """Log, save checkpoints, report progress."""
        self._make_log_plain()
        minutes = 0.0 if self.settings is None else self.settings.checkpoint_minutes
        due = time.monotonic() - self._saved_at >= 60 * minutes
        self.save_every = 1 if due else self.num_epochs + 1
        last = self.current_epoch == self.num_epochs - 1
        if last:
            super().on_epoch_end()
        else:
            with compat.without_progress_png(self.logger):
                super().on_epoch_end()
        if due:
            self._saved_at = time.monotonic()
        self._report_progress()

    def on_train_end(self) -> None:
        """Write the final checkpoint; of the others only the best stays."""
        super().on_train_end()
        if self.local_rank == 0:
            (Path(self.output_folder) / PREVIOUS).unlink(missing_ok=True)

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint whole or not at all, of tensors and plain values only; keep the latest one before it."""
        if self.local_rank != 0 or self.disable_checkpointing:
            return
        self._make_log_plain()
        path = Path(filename)
        try:
            with replacing(path) as temporary:
                super().save_checkpoint(str(temporary))
                if path.name == LATEST and path.exists():
                    os.replace(path, path.with_name(PREVIOUS))
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            raise TrainerError(
                filename,
                found=f"no way to write it ({error})",
                wanted="a checkpoint",
                action="make room on the disk and train again: it goes on from the checkpoint before",
            ) from error

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Load a checkpoint after reading it with ``weights_only``, so that nothing in it can run code."""
        content = checkpoint.load_checkpoint(Path(filename_or_checkpoint))
        self._check_origin(content, str(filename_or_checkpoint))
        super().load_checkpoint(filename_or_checkpoint)

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the validation cases in full, unless the study scores its test sets instead."""
        if self.settings is not None and not self.settings.final_validation:
            self.print_to_log_file("Final validation left out: the study predicts and scores its test sets.")
            return
        super().perform_actual_validation(save_probabilities)

    def _make_log_plain(self) -> None:
        """Turn numpy scalars into Python numbers, and an epoch without any foreground into the average before it.

        Otherwise the moving average stays NaN for good, and no later epoch counts as the best.
        """
        log = self.logger.get_checkpoint()
        for key, values in log.items():
            log[key] = checkpoint.as_plain(values)
        average = log["ema_fg_dice"]
        if average and not np.isfinite(average[-1]):
            average[-1] = average[-2] if len(average) > 1 else 0.0
        self._best_ema = checkpoint.as_plain(self._best_ema)

    def _report_progress(self) -> None:
        if self.local_rank != 0:
            return
        value = self.logger.get_value
        write_progress(
            Path(self.output_folder) / "progress.json",
            epoch=self.current_epoch,
            epochs=self.num_epochs,
            iterations_per_epoch=self.num_iterations_per_epoch,
            loss=value("train_losses", -1),
            pseudo_dice=value("mean_fg_dice", -1),
            seconds_per_epoch=time.monotonic() - self._epoch_started,
            device=device_name(self.device),
            peak_gpu_memory_mb=peak_gpu_memory_mb(self.device),
            attempts=self._attempts,
        )

    def _check_origin(self, content: dict[str, Any], filename: str) -> None:
        trained = content["init_args"]["plans"].get("ctshift"), content["trainer_name"]
        wanted = self.plans_manager.plans.get("ctshift"), type(self).__name__
        if trained != wanted:
            raise TrainerError(
                filename,
                found=f"a model of trainer and budget {trained[::-1]}",
                wanted=f"{wanted[::-1]}",
                action="give the changed study another name, or remove the old results",
            )
        if content["current_epoch"] > self.num_epochs:
            raise TrainerError(
                filename,
                found=f"{content['current_epoch']} finished epochs",
                wanted=f"at most {self.num_epochs}",
                action="restore the checkpoint of this budget, or remove it to go on from an older one",
            )
