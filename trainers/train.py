"""``python -m trainers.train RUN MODEL [--device cpu|cuda]``: train one model of a run, or go on where it stopped."""

import argparse
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.run_folder import RunFolder, open_run, point_nnunet_at

CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth")
GPU_LOADER_PROCESSES = 4


def train(run: RunFolder, model: Mapping[str, Any], device: str, *, exact: bool = False) -> None:
    """Train a model to its last epoch; a finished one returns at once, without importing torch.

    On the CPU, or with ``exact``, batches are loaded in this process, so that a training which was killed and
    resumed ends with the same weights as one that was not. On a GPU loader processes draw their own random numbers.

    Raises
    ------
    TrainerError
        Another process trains it, or a checkpoint cannot be read.
    """
    folder = run.fold_folder(model)
    with only_one_in(folder):
        found = [folder / name for name in CHECKPOINTS if (folder / name).exists()]
        if found:
            _check_whole(found[0])
        if found and found[0].name == CHECKPOINTS[0]:
            print(f"{model['model']}: trained already")
            return
        point_nnunet_at(run, loader_processes=0 if exact or device == "cpu" else GPU_LOADER_PROCESSES)
        _run_nnunet(run, model, device, resume=bool(found))


def _check_whole(path: Path) -> None:
    """Refuse a damaged file: checkpoints are replaced whole, so something else happened to it."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        damaged = str(error)
    if damaged is not None:
        raise TrainerError(
            str(path),
            found=f"a damaged checkpoint ({damaged})",
            wanted="a whole one",
            action="restore it, or remove it to go on from an older checkpoint or from the beginning",
        )


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
            "2d",
            model["fold"],
            model["trainer"],
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
