"""The sharpness index and the rise of edges on real images and emulated ones, and what they tell apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.edge_response import EdgeResponse
from dataset_converters.physics.emulation import emulate_kernel
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.sharpness import LITTLE_TISSUE, Sharpness, sharpness_index

Volumes = Mapping[str, np.ndarray]
_KERNELS = ("SOFT", "STANDARD")


def sharpness_lines(volumes: Volumes, pixel: tuple[float, float], sts: Path | None) -> list[str]:
    """Return tables of the index and the edges, with their repetition on the two halves of the slices."""
    lines = [
        "## Sharpness index and edge rise",
        "",
        "| image | noise (lp/cm) | standard error | lower half | upper half | lung border (mm) | skin (mm) |",
        "|---|---|---|---|---|---|---|",
    ]
    conversions = {name: conversion_between(KERNELS["B30f"], KERNELS[name]) for name in KERNELS if name != "B30f"}
    made = {
        f"B emulated from B30f to {name}": emulate_kernel(volumes["B"], pixel, c, seed=2)
        for name, c in conversions.items()
    }
    for name, volume in ({f"Philips {kernel}": v for kernel, v in volumes.items()} | made).items():
        half = len(volume) // 2
        whole, low, high = (sharpness_index(part, pixel) for part in (volume, volume[:half], volume[half:]))
        shown = (whole.index_lp_per_cm, whole.standard_error, low.index_lp_per_cm, high.index_lp_per_cm)
        edges = [
            f"{_shown(w)} (halves {_shown(a)}, {_shown(b)})"
            for w, a, b in (
                (whole.lung_edge, low.lung_edge, high.lung_edge),
                (whole.skin_edge, low.skin_edge, high.skin_edge),
            )
        ]
        lines.append(f"| {name} | " + " | ".join([*(f"{value:.3f}" for value in shown), *edges]) + " |")
    return [*lines, "", *(_sts_lines(sts) if sts is not None else [])]


def _sts_lines(folder: Path) -> list[str]:
    found: dict[str, list[Sharpness]] = {name: [] for name in _KERNELS}
    for patient in sorted(folder.glob("STS_*")):
        loaded = read_dicom_series(patient / "CT" / "image", dataset="sts", case=patient.name)
        spacing = loaded.image.GetSpacing()
        volume = sitk.GetArrayFromImage(loaded.image)
        found[loaded.facts["kernel"]].append(sharpness_index(volume, (spacing[1], spacing[0]), every=2))
    index = {name: [one.index_lp_per_cm for one in group] for name, group in found.items()}
    rise = {name: [-one.skin_edge.rise_mm for one in group] for name, group in found.items()}
    little = sum(one.basis == LITTLE_TISSUE for group in found.values() for one in group)
    return [
        "Soft-tissue sarcoma patients, told SOFT from STANDARD (AUC; patients with a value):",
        "",
        f"- noise: {_apart(index)}; {little} of them with little soft tissue",
        f"- rise of the skin: {_apart(rise)}",
        *(f"- both, {share:.0%} edge: {_apart(_mixed(index, rise, share))}" for share in (0.1, 0.3, 0.5)),
        "",
        *(
            f"- {name}: noise {_spread(index[name])} lp/cm, skin {_spread([-value for value in rise[name]])} mm"
            for name in found
        ),
        "",
    ]


def _mixed(index: Mapping[str, list[float]], rise: Mapping[str, list[float]], share: float) -> dict[str, list[float]]:
    """Return the weighted sum of the two, each in its standard deviations over all patients."""
    index_sd, rise_sd = (float(np.nanstd(np.concatenate(list(part.values())))) for part in (index, rise))
    return {
        name: [(1 - share) * a / index_sd + share * b / rise_sd for a, b in zip(index[name], rise[name], strict=True)]
        for name in index
    }


def _apart(values: Mapping[str, Sequence[float]]) -> str:
    soft, standard = (np.array([value for value in values[name] if np.isfinite(value)]) for name in _KERNELS)
    auc = float(np.mean(soft[:, None] < standard[None, :]))
    distance = (standard.mean() - soft.mean()) / np.sqrt((soft.var(ddof=1) + standard.var(ddof=1)) / 2)
    return f"AUC {auc:.3f}, {distance:.2f} SD apart ({len(soft)} and {len(standard)} patients)"


def _shown(edge: EdgeResponse) -> str:
    return f"{edge.rise_mm:.2f}" if np.isfinite(edge.rise_mm) else "none"


def _spread(values: Sequence[float]) -> str:
    return f"{np.nanmin(values):.2f} to {np.nanmax(values):.2f}, median {np.nanmedian(values):.2f}"
