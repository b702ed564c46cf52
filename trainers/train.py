"""``python -m trainers.train RUN MODEL [--device cpu|cuda]``: train one model of a run, or go on where it stopped."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.command_line import exit_code
from trainers.lock import only_one_in
from trainers.preprocessed_cases import refuse_changed_cases
from trainers.recovery import FINAL, damage, ready_to_resume, set_aside
from trainers.run_folder import RunFolder, configuration_of, open_run, point_nnunet_at, trainer_class

GPU_LOADER_PROCESSES = 4


def train(run: RunFolder, model: Mapping[str, Any], device: str, *, exact: bool = False) -> None:
    """Train a model to its last epoch; a finished one returns at once, without importing torch.

    On the CPU, or with ``exact``, batches are loaded in this process, so that a training which was killed and
    resumed ends with the same weights as one that was not. On a GPU loader processes draw their own random numbers.
    A damaged checkpoint is set aside and the training goes on from the newest whole one.

    Raises
    ------
    TrainerError
        Another process trains it, a case is not as it was preprocessed, a checkpoint cannot be read, or a whole one is
        not one of ours.
    """
    folder = run.fold_folder(model)
    with only_one_in(folder):
        final = folder / FINAL
        if final.exists():
            fault = damage(final)
            if not fault:
                print(f"{model['model']}: trained already")
                return
            set_aside(final, fault)
        refuse_changed_cases(run, model)
        point_nnunet_at(run, loader_processes=0 if exact or device == "cpu" else GPU_LOADER_PROCESSES)
        _run_nnunet(run, model, device, resume=ready_to_resume(folder))


def _run_nnunet(run: RunFolder, model: Mapping[str, Any], device: str, *, resume: bool) -> None:
    # nnU-Net is imported only now: its settings are read from the environment on import
    from nnunetv2.run import run_training as nnunet

    from trainers import compat
    from trainers.device import find_device
    from trainers.distributed import ranks_report, require_gpus

    gpus = run.matrix["budget"].get("gpus", 1) if device == "cuda" else 1
    if gpus > 1:
        require_gpus(gpus)
    with compat.short_search(nnunet), ranks_report():
        nnunet.run_training(
            run.matrix["nnunet"],
            configuration_of(model),
            model["fold"],
            trainer_class(model),
            model["plans_name"],
            num_gpus=gpus,
            continue_training=resume,
            device=find_device(device),
        )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.train", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a model in matrix.json")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--exact", action="store_true", help="load in-process on a GPU too, for repeatable batches")
    arguments = parser.parse_args()

    def stage() -> None:
        run = open_run(arguments.run)
        train(run, run.find_model(arguments.model, "trained"), arguments.device, exact=arguments.exact)

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
