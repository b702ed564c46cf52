"""Prediction by our code and by nnU-Net's command on the same models and volumes: CPU seconds, and equal voxels.

A run of drawn chests is planned, preprocessed and trained as a study is; then volumes of 64 x 512 x 512 are predicted
by ``python -m trainers.predict`` and by ``nnUNetv2_predict``: tuned the same way (no mirroring, no workers, one
thread), and with its defaults. CPU seconds are user and system time of whole processes, imports included; the ways
take turns.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.performance.dcm2niix import PeerError, run_measured
from benchmarks.performance.predict_report import print_report, reached, write_report
from benchmarks.performance.predict_run import LABELS, NNUNET, STUDY, read_models, write_chest, write_run
from trainers.registry import EXTENSION_FOLDER

TRAINERS = ("nnUNetTrainerWeightedCE2D", "nnUNetTrainerCTShiftStock")
SIZE_ZYX, TRAINED_ZYX = (64, 512, 512), (24, 256, 256)
BUDGET: dict[str, Any] = {
    "iterations": 100,
    "iterations_per_epoch": 25,
    "validation_iterations": 1,
    "batch_size": 2,
    "width": 8,
    "patch_size": [256, 256],
    "spacing_mm": [1.4, 1.4],
    "learning_rate": 0.003,
    "augmentation": "none",
}
"""Width, patch and spacing of the shipped kernel study on a CPU; few iterations of a task that is easy."""
TUNED = ("--disable_tta", "-npp", "0", "-nps", "0")
OURS, PEER, DEFAULTS = "CTShift", "nnUNetv2_predict, tuned", "nnUNetv2_predict, defaults"


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 if ours is too slow or label maps differ, 2 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance predict", description=__doc__)
    parser.add_argument("--volumes", type=int, default=10, metavar="N", help="volumes to predict with the U-Net 2021")
    parser.add_argument("--stock-volumes", type=int, metavar="N", help="with nnU-Net's own network (default: as many)")
    parser.add_argument("--default-volumes", type=int, default=2, metavar="N", help="with nnU-Net's defaults")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="turns; the median counts")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the trained run and label maps, and reuse them")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the report as .md")
    options = parser.parse_args(arguments)
    counts = (options.volumes, options.stock_volumes or options.volumes)
    if min(*counts, options.repeats, options.default_volumes + 1) < 1:
        parser.error("wanted 1 or more volumes and repeats")
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        try:
            train_models(work)
            asked = dict(zip(TRAINERS, counts, strict=True))
            times, agreement = measure(work, asked, repeats=options.repeats, default_volumes=options.default_volumes)
        except PeerError as error:
            print(error, file=sys.stderr)
            return 2
    print_report(times, agreement)
    if options.out:
        write_report(times, agreement, options.out)
    return 0 if reached(times, agreement) else 1


def train_models(run: Path, size_zyx: tuple[int, int, int] = TRAINED_ZYX, **budget: Any) -> None:
    """Draw, plan, preprocess and train, where that is not done."""
    if not (run / "matrix.json").is_file():
        write_run(run, TRAINERS, size_zyx=size_zyx, budget=BUDGET | budget)
    _call([sys.executable, "-m", "trainers.prepare", str(run)], run)
    for trainer in TRAINERS:
        print(f"training {trainer}...", file=sys.stderr, flush=True)
        _call([sys.executable, "-m", "trainers.train", str(run), trainer], run)


def measure(
    run: Path,
    volumes: dict[str, int],
    *,
    repeats: int,
    default_volumes: int,
    size_zyx: tuple[int, int, int] = SIZE_ZYX,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return CPU seconds (trainer, way, volumes, repeat, cpu_s), and agreement per trainer and volume."""
    times: list[dict[str, Any]] = []
    agreement: list[dict[str, Any]] = []
    names = [f"v{number}" for number in range(max(volumes.values()))]
    references = {name: write_chest(run / "images", name, size_zyx, 100 + n) for n, name in enumerate(names)}
    for trainer, count in volumes.items():
        for repeat in range(repeats):
            for way, number in ((PEER, count), (OURS, count), (DEFAULTS, default_volumes)):
                if number and (way != DEFAULTS or repeat == 0):
                    seconds = _predict(run, trainer, way, names[:number])
                    print(f"{trainer}, {way}: {number} volumes, {seconds:.1f} CPU s", file=sys.stderr, flush=True)
                    row = {"trainer": trainer, "way": way, "volumes": number, "repeat": repeat, "cpu_s": seconds}
                    times.append(row)
        for name in names[:count]:
            found = [_read(run / "out" / trainer / way / f"{name}.nii.gz") for way in (PEER, OURS)]
            agreement.append({"trainer": trainer, "volume": name} | compare(references[name], *found))
    return pd.DataFrame(times), pd.DataFrame(agreement)


def compare(reference: npt.NDArray[Any], peer: npt.NDArray[Any], ours: npt.NDArray[Any]) -> dict[str, float]:
    """Return voxels, how many differ, least DSC of a label of ours with the peer's, the peer's with truth."""
    labels = [value for value in LABELS.values() if value]
    return {
        "voxels": peer.size,
        "differing": int(np.count_nonzero(peer != ours)),
        "dsc_between": min(_dsc(peer == label, ours == label) for label in labels),
        "dsc_reference": min(_dsc(reference == label, peer == label) for label in labels),
    }


def _dsc(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return float(2 * np.count_nonzero(a & b) / total) if total else float("nan")


def _predict(run: Path, trainer: str, way: str, names: Sequence[str]) -> float:
    """Predict into an empty folder; return CPU seconds."""
    out, chosen = run / "out" / trainer / way, run / "chosen"
    for folder in (out, chosen):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in names:
        (chosen / f"{name}_0000.nii.gz").symlink_to(run / "images" / f"{name}_0000.nii.gz")
    where = ["-i", str(chosen), "-o", str(out), "-f", "0"]
    if way == OURS:
        return _call([sys.executable, "-m", "trainers.predict", "-m", str(read_models(run)[trainer]), *where], run)
    command = str(Path(sys.executable).with_name("nnUNetv2_predict"))
    model = ["-d", NNUNET, "-c", "2d", "-p", f"{STUDY}-LK-s0", "-tr", trainer, "-device", "cpu"]
    return _call([command, *model, *where, *(TUNED if way == PEER else ())], run)


def _call(command: list[str], run: Path) -> float:
    settings = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    settings |= {name: str(run / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    settings |= {"nnUNet_extTrainer": str(EXTENSION_FOLDER), "nnUNet_def_n_proc": "1"}
    done, seconds = run_measured(command, extra_environment=settings)
    if done.returncode:
        raise PeerError(f"{' '.join(command)}: ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    return seconds


def _read(path: Path) -> npt.NDArray[Any]:
    if not path.is_file():
        raise PeerError(f"{path}: found no label map, wanted one of every volume")
    image: Any = nib.load(path)
    return np.asarray(image.dataobj).T


if __name__ == "__main__":
    sys.exit(main())
