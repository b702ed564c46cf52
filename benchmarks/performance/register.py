"""``python -m benchmarks.performance register``: our registration backends and others, on synthetic and real chests."""

import argparse
import importlib.metadata
import platform
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.performance.chest_pair import Chest, make_chest_pair
from benchmarks.performance.emulation import read_pair
from benchmarks.performance.register_figure import draw_registration
from benchmarks.performance.register_methods import Row, installed_methods, measure, register_chests
from dataset_converters.atomic import write_text
from dataset_converters.registration.chest_region import find_lungs
from dataset_converters.registration.energies import pairwise_energies
from dataset_converters.registration.frame import Frame

_PACKAGES = ("numpy", "scipy", "torch", "SimpleITK", "itk-elastix", "antspyx")


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the report and its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance register", description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder with data/ of real chests (chest_64, lung_dx_a0001)")
    parser.add_argument("--out", type=Path, required=True, help="report (.md); figures are written beside it")
    options = parser.parse_args(arguments)
    pairs = {"synthetic": make_chest_pair()}
    if options.shared:
        if not (options.shared / "data" / "chest_64").is_dir():
            parser.error(f"--shared: found no data/chest_64 below {options.shared}; wanted the folder of real chests")
        pairs["real"] = _real_pair(options.shared / "data")
    lines = _heading()
    for name, (moving, fixed) in pairs.items():
        rows = _measured(moving, fixed)
        lines += _table(name, moving, fixed, rows)
        drawn = next(row for row in rows if row.method == "svf")
        draw_registration(moving, fixed, drawn.warp, options.out.with_name(f"{options.out.stem}_{name}.png"))
    lines += _pair_lines(pairs["synthetic"])
    write_text(options.out, "\n".join(lines))
    print("\n".join(lines))
    return 0


def _measured(moving: Chest, fixed: Chest) -> list[Row]:
    aligned = register_chests(moving, fixed, "svf").warp  # also loads the libraries before the clock starts
    if aligned is None:
        raise RuntimeError("the pair cannot be registered")
    return [measure(method, moving, fixed, aligned) for method in installed_methods()]


def _real_pair(data: Path) -> tuple[Chest, Chest]:
    """Return two real patients: the whole chest with lung masks, and the Philips one with lungs by threshold."""
    names = ("ct-64.nrrd", "wholeLung-64.nrrd")
    image, lung = (sitk.DICOMOrient(sitk.ReadImage(str(data / "chest_64" / name)), "LPS") for name in names)
    moving = _chest(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(lung) > 0, image.GetSpacing()[::-1])
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "lung_dx_a0001" / "dicom.tar.xz") as content:
            content.extractall(folder, filter="data")
        volumes, pixel = read_pair(Path(folder))
    spacing = (5.0, *pixel)
    found = find_lungs(volumes["B"].astype(np.float32), float(np.prod(spacing)))
    return moving, _chest(volumes["B"], found, spacing)


def _chest(image: np.ndarray, lung: np.ndarray, spacing_zyx_mm: tuple[float, ...]) -> Chest:
    return Chest(image, lung.astype(np.uint8), Frame(image.shape, tuple(spacing_zyx_mm)))


def _heading() -> list[str]:
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    return [
        "# Registration to a template",
        "",
        f"Measured with `python -m benchmarks.performance register --shared DIR --out FILE.md` on shared"
        f" {platform.machine()} cores, no GPU, threads as set by OMP_NUM_THREADS:"
        f" Python {platform.python_version()}, {', '.join(versions)}.",
        "",
        "Images alone drive every method. Time is that of the registration with its quality figures, without warping;"
        " of *antspyx* without the affine alignment, which it shares. *None* lays the images' centres on each other."
        " Inverse: the template's lung brought to the case. Round trip: the case's lung warped there and back."
        " Error: way of a point that goes there and back, mean and 95th percentile.",
        "",
    ]


def _table(name: str, moving: Chest, fixed: Chest, rows: Sequence[Row]) -> list[str]:
    text = [
        f"## {name.capitalize()} pair",
        "",
        _PAIRS[name],
        f"Case {moving.frame.shape}, template {fixed.frame.shape} voxels (z, y, x).",
        "",
        "| method | CPU s | wall s | lung Dice | inverse | round trip | folds % | error mm | 95 % mm | status |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times = f"{row.cpu_s:.1f} | {row.wall_s:.1f}" if row.method not in ("none", "affine") else " | "
        text.append(
            f"| {row.method} | {times} | {row.forward:.3f} | {row.inverse:.3f} | {row.round_trip:.3f}"
            f" | {100 * row.folding_share:.4f} | {row.inverse_mean_mm:.3f} | {row.inverse_p95_mm:.3f} | {row.status} |"
        )
    return [*text, ""]


_PAIRS = {
    "synthetic": "Two patients of the digital chest with other size, shape and disease, the case bent further.",
    "real": "Two patients: a small whole chest (`chest_64`, a person's lung mask) and the Philips B of `lung_dx_a0001`"
    " (its lung: air inside the body, which has the airways too)."
    " Overlap with such a mask says less than with a person's.",
}


def _pair_lines(pair: tuple[Chest, Chest]) -> list[str]:
    started = time.process_time()
    pairwise_energies((chest.image, chest.frame.spacing_mm) for chest in pair)
    spent = time.process_time() - started
    return [f"Energy of one pair for the choice of templates, reading down to 8 mm included: {spent:.2f} CPU s.", ""]
