"""Emulated kernels against projections of a phantom: noise of tissue, and the rise of edges."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.edge_response import edge_responses
from dataset_converters.physics.edge_segments import BORDERS
from dataset_converters.physics.emulation import emulate_kernel
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.oracle import Scanner, project, reconstruct

_FINE, _FINE_MM, _SCANNER = 512, 0.35, Scanner(views=240)
_FAN = {"views": 480, "photons": 1.5e5, "source_mm": 570.0}
_TISSUE = np.s_[100:150, 60:100]
_PIXELS_MM = (0.7, 0.8, 0.9, 1.0)


def oracle_lines() -> list[str]:
    """Return a table of noise and edge rise, by the oracle and emulated, for every pair of kernels."""
    noisy, clean = _images(_SCANNER), _images(replace(_SCANNER, photons=1e12, electronic_noise=0.0))
    lines = [
        "## Against the oracle (projections of a phantom)",
        "",
        "SD of tissue from one shared set of noisy projections; 10-90 % rise of the lung border and the skin without"
        " noise, clipped at -1024 HU. At the skin clipping takes the undershoot of sharp kernels, which no filter"
        " brings back: softened, that edge rises more slowly than the oracle's.",
        "",
        "| | SD, oracle (HU) | emulated | ratio | lung border, oracle (mm) | emulated | ratio | skin, oracle (mm) |"
        " emulated | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for source in KERNELS:
        lines += [_row(source, target, noisy, clean) for target in KERNELS if "B10f" != source != target]
    fan = _images(replace(_SCANNER, **_FAN))  # type: ignore[arg-type]
    sd = ", ".join(f"{name} {fan[name][_TISSUE].std():.1f} ({noisy[name][_TISSUE].std():.1f})" for name in KERNELS)
    beam = f"An equiangular fan of the same dose has these SD (parallel beam in brackets), HU: {sd}."
    return [*lines, "", "From B10f nothing is emulated: it leaves nothing above 4 lp/cm to restore.", "", beam, ""]


def pixel_lines() -> list[str]:
    """Return a table of the noise ratio for pixels up to the largest at which kernels are emulated."""
    names = [(source, target) for source in KERNELS for target in KERNELS if "B10f" != source != target]
    lines = [
        "SD of tissue, emulated over oracle, by pixel size; at large pixels the noise of sharp kernels is folded:",
        "",
        "| pixel (mm) | " + " | ".join(f"{source} to {target}" for source, target in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for pixel_mm in _PIXELS_MM:
        scanner = replace(_SCANNER, pixel_mm=pixel_mm)
        images = _images(scanner, fine_mm=pixel_mm / 2)
        size = len(images["B30f"])
        y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel_mm
        tissue = ((x + 30) / 25) ** 2 + (y / 30) ** 2 < 1
        cells = []
        for source, target in names:
            conversion = conversion_between(KERNELS[source], KERNELS[target])
            made = emulate_kernel(images[source][None], (pixel_mm, pixel_mm), conversion, seed=3)[0]
            cells.append(f"{made[tissue].std() / images[target][tissue].std():.3f}")
        lines.append(f"| {pixel_mm:g} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _images(scanner: Scanner, *, fine_mm: float = _FINE_MM) -> dict[str, NDArray[np.float32]]:
    fine = 2 * round(_FINE * _FINE_MM / fine_mm / 2)
    y, x = (np.mgrid[:fine, :fine] - (fine - 1) / 2) * fine_mm
    lung = ((x - 38) / 20) ** 2 + (y / 30) ** 2 < 1
    chest = np.where(lung, -850.0, np.where((x / 75) ** 2 + (y / 60) ** 2 < 1, 40.0, -1000.0))
    made = reconstruct(project(chest, fine_mm, scanner, seed=1), fine_mm, list(KERNELS.values()), scanner)
    return {name: np.clip(image, -1024, 3071) for name, image in zip(KERNELS, made, strict=True)}


def _row(
    source: str,
    target: str,
    noisy: Mapping[str, NDArray[np.float32]],
    clean: Mapping[str, NDArray[np.float32]],
) -> str:
    conversion = conversion_between(KERNELS[source], KERNELS[target])
    pixel = (_SCANNER.pixel_mm, _SCANNER.pixel_mm)
    made = emulate_kernel(noisy[source][None], pixel, conversion, seed=3)[0]
    silent = emulate_kernel(clean[source][None], pixel, conversion, seed=3, source_sd_hu=np.zeros(1))[0]
    sd = [float(image[_TISSUE].std()) for image in (noisy[target], made)]
    cells = [source + " to " + target, f"{sd[0]:.1f}", f"{sd[1]:.1f}", f"{sd[1] / sd[0]:.3f}"]
    responses = [edge_responses(np.repeat(image[None], 6, axis=0), pixel) for image in (clean[target], silent)]
    for border in BORDERS:
        rise = [response[border].rise_mm for response in responses]
        cells += [f"{rise[0]:.2f}", f"{rise[1]:.2f}", f"{rise[1] / rise[0]:.3f}"]
    return "| " + " | ".join(cells) + " |"
