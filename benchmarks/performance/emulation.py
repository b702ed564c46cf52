"""``python -m benchmarks.performance emulation``: emulated kernels against real ones, the oracle, and the clock."""

import argparse
import importlib.metadata
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.performance.emulation_figures import draw_trial
from benchmarks.performance.emulation_oracle import oracle_lines, pixel_lines
from benchmarks.performance.emulation_pair import Trial, describe_volume, rmse, try_pair
from benchmarks.performance.emulation_sharpness import sharpness_lines
from dataset_converters.atomic import write_text
from dataset_converters.dicom.headers import find_dicom_files
from dataset_converters.dicom.series import group_dicom_series, inspect_dicom_series, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.emulation import emulate_kernel, slice_noise
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.slice_filters import added_amplitude
from dataset_converters.volumes.grid import grid_difference, grid_of

_SLICES = 48
_CLASSES = {"L": "B70f", "B": "B30f"}


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the report and its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance emulation", description=__doc__)
    parser.add_argument("--pair", type=Path, required=True, help="folder of DICOM: one acquisition, kernels L and B")
    parser.add_argument("--sts", type=Path, help="folder of the 28 soft-tissue sarcoma patients, for the sharpness")
    parser.add_argument("--out", type=Path, required=True, help="folder for emulation.md and the PNGs")
    options = parser.parse_args(arguments)
    try:
        volumes, pixel = read_pair(options.pair)
    except (PairError, ConversionError) as error:
        parser.error(f"--pair: {error}")
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [_heading()]
    for source, target in (("L", "B"), ("B", "L")):
        trial = try_pair(volumes[source], volumes[target], pixel, names=(source, target), soft=volumes["B"])
        draw_trial(trial, pixel, options.out / f"emulation_{source}_to_{target}.png")
        lines += _trial_lines(trial, pixel, volumes["B"])
    lines += (
        oracle_lines()
        + pixel_lines()
        + _speed_lines(volumes["B"], pixel)
        + sharpness_lines(volumes, pixel, options.sts)
    )
    text = "\n".join(lines) + "\n"
    write_text(options.out / "emulation.md", text)
    print(text)
    return 0


class PairError(Exception):
    """A folder does not hold the pair that is measured."""


def read_pair(folder: Path) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    """Return the volumes (Z, Y, X) of the kernels L and B, and their pixel spacing along y and x in mm.

    Raises
    ------
    PairError
        The folder does not hold exactly two series, of kernels L and B, on one grid.
    """
    series = list(group_dicom_series(find_dicom_files(folder), dataset="pair", case=""))
    if len(series) != len(_CLASSES):
        raise PairError(f"found {len(series)} series; wanted two, kernels {' and '.join(_CLASSES)}")
    loaded = [load_dicom_series(inspect_dicom_series(headers, dataset="pair", case="")) for headers in series]
    images = {found.facts.get("kernel", ""): found.image for found in loaded}
    if sorted(images) != sorted(_CLASSES):
        kernels = ", ".join(found.facts.get("kernel") or "none" for found in loaded)
        raise PairError(f"found kernels {kernels}; wanted {' and '.join(_CLASSES)}")
    if difference := grid_difference(*(grid_of(images[name]) for name in _CLASSES)):
        raise PairError(f"found {difference[1]} beside {difference[0]}; wanted one grid")
    spacing = images["L"].GetSpacing()
    return {name: sitk.GetArrayFromImage(image) for name, image in images.items()}, (spacing[1], spacing[0])


def _heading() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy", "torch"))
    return (
        "# Emulated reconstruction kernels\n\n"
        "Measured with `python -m benchmarks.performance emulation --pair DIR --sts DIR --out DIR`"
        f" on 2 shared {platform.machine()} cores: Python {platform.python_version()}, {packages}.\n"
    )


def _trial_lines(trial: Trial, pixel: tuple[float, float], soft: np.ndarray) -> list[str]:
    source, target = trial.names
    low, high = (10 * edge for edge in trial.conversion.valid_per_mm)
    upper = soft[-len(trial.source) :]
    by_class = conversion_between(*(KERNELS[_CLASSES[name]] for name in trial.names))
    noise = slice_noise(trial.source, pixel, every=4)
    uncalibrated = emulate_kernel(trial.source, pixel, by_class, seed=1, source_sd_hu=noise)
    shown = (trial.source, trial.target, trial.emulated, uncalibrated)
    columns = [describe_volume(volume, upper, pixel) for volume in shown]
    lines = [
        f"## Philips {source} to {target}: one real patient, two reconstructions of one acquisition",
        "",
        f"Calibrated on the lower half of the slices, tried on the upper half, six slices between: *within-scan*"
        f" calibration, no evidence about other patients or scanners. Valid band {low:.1f} to {high:.1f} lp/cm.",
        "",
        *(f"- {name}: {value:.3g}" for name, value in trial.figures.items()),
        f"- RMSE, emulated by class (HU): {rmse(uncalibrated, trial.target, upper):.3g}",
        "",
        "The body is what exceeds -500 HU in B, without the lung. *By class*: without a pair, as a target of a name"
        f" is emulated ({by_class.source} to {by_class.target}, fitted to another maker's scanner).",
        "",
        f"| held-out slices | {source}, real | {target}, real | {target}, emulated | {target}, by class |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {name} | " + " | ".join(f"{column[name]:.4g}" for column in columns) + " |" for name in columns[0]]
    figure = f"emulation_{source}_to_{target}.png"
    return [*lines, "", f"Images, profile, transfer ratio and noise power: `{figure}`, written beside the report.", ""]


def _speed_lines(volume: np.ndarray, pixel: tuple[float, float]) -> list[str]:
    part = volume[:_SLICES]
    rows = ["## Speed (512 x 512 slices a CPU second, one core)", "", "| | slices/s | wanted |", "|---|---|---|"]
    for source, target, wanted in (("B70f", "B30f", 150), ("B30f", "B70f", 40)):
        conversion = conversion_between(KERNELS[source], KERNELS[target])
        start = time.process_time()
        added = added_amplitude(conversion, (part.shape[1], part.shape[2]), pixel) is not None
        noise = slice_noise(part, pixel, every=4) if added else None
        emulate_kernel(part, pixel, conversion, seed=1, source_sd_hu=noise)
        spent = time.process_time() - start
        rows.append(
            f"| {source} to {target}, noise measured on each fourth slice | {len(part) / spent:.0f} | {wanted} |"
        )
    return [
        *rows,
        f"| scikit-image, radon and iradon of one slice, 360 views | {_projection_speed(part[0]):.2f} | |",
        "",
    ]


def _projection_speed(plane: np.ndarray) -> float:
    from skimage.transform import iradon, radon

    angles = np.linspace(0.0, 180.0, 360, endpoint=False)
    start = time.process_time()
    sinogram = radon(plane.astype(float) + 1000.0, theta=angles, circle=False)
    iradon(sinogram, theta=angles, filter_name="hann", circle=False, output_size=512)
    return 1.0 / (time.process_time() - start)
