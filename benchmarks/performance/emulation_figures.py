"""Figures of an emulated kernel beside the real one: images, a profile, transfer ratio, noise power."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from benchmarks.performance.emulation_pair import Trial
from dataset_converters.atomic import replacing
from dataset_converters.physics.noise_measure import soft_tissue
from dataset_converters.physics.noise_spectrum import Autocovariance, noise_spectrum, slice_autocovariance

_LUNG_WINDOW = (-1350, 150)
_BLUE, _ORANGE, _GREY, _GREEN = "#0072B2", "#D55E00", "#666666", "#009E73"


def draw_trial(trial: Trial, pixel_yx_mm: tuple[float, float], path: Path) -> None:
    """Write one figure (PNG) of a trial."""
    matplotlib.use("Agg")
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    axes = figure.subplots(2, 4)
    z = len(trial.source) // 2
    names = (f"{trial.names[0]}, real", f"{trial.names[1]}, emulated", f"{trial.names[1]}, real", "emulated minus real")
    images = [trial.source[z], trial.emulated[z], trial.target[z], trial.emulated[z].astype(int) - trial.target[z]]
    for axis, image, name in zip(axes[0], images, names, strict=True):
        window = (-100, 100) if name.startswith("emulated minus") else _LUNG_WINDOW
        axis.imshow(image[128:384, 64:320], cmap="gray", vmin=window[0], vmax=window[1], interpolation="nearest")
        axis.set_title(f"{name}\n{window[0]} to {window[1]} HU", fontsize=10)
        axis.set_axis_off()
    _draw_profile(axes[1, 0], trial, z, pixel_yx_mm[1])
    _draw_ratio(axes[1, 1], trial)
    _draw_noise(axes[1, 2], trial, pixel_yx_mm)
    _draw_histogram(axes[1, 3], trial)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_profile(axis: "matplotlib.axes.Axes", trial: Trial, z: int, pixel_mm: float) -> None:
    columns = np.arange(96, 256)
    for volume, colour, name in _shown(trial):
        axis.plot((columns - columns[0]) * pixel_mm, volume[z, 256, columns], color=colour, lw=1, label=name)
    axis.set(xlabel="mm", ylabel="HU", title="profile through the middle row")
    axis.legend(fontsize=7)


def _draw_ratio(axis: "matplotlib.axes.Axes", trial: Trial) -> None:
    lp_per_cm = 10 * trial.fitted.frequency_per_mm
    axis.semilogy(lp_per_cm[1:], trial.fitted.ratio[1:], color=_BLUE, label="lower half (fitted)")
    axis.semilogy(lp_per_cm[1:], trial.held_out.ratio[1:], color=_ORANGE, ls="--", label="upper half")
    axis.semilogy(lp_per_cm[1:], trial.fitted.coherence[1:], color=_GREY, ls=":", label="coherence")
    axis.axvspan(*(10 * edge for edge in trial.conversion.valid_per_mm), color=_GREY, alpha=0.1)
    axis.set(xlabel="lp/cm", xlim=(0, 6), ylim=(0.01, 30), title="transfer ratio; grey: valid band")
    axis.legend(fontsize=7)


def _draw_noise(axis: "matplotlib.axes.Axes", trial: Trial, pixel_yx_mm: tuple[float, float]) -> None:
    tissue = soft_tissue(trial.target, pixel_yx_mm)
    for volume, colour, name in _shown(trial):
        parts = [slice_autocovariance(p, t, pixel_yx_mm) for p, t in zip(volume, tissue, strict=True) if t.sum() > 2000]
        total = Autocovariance(sum(p.products for p in parts), sum(p.pairs for p in parts))  # type: ignore[arg-type]
        frequency, power = noise_spectrum(total, pixel_yx_mm)
        axis.semilogy(10 * frequency, np.maximum(power, 1e-2), color=colour, label=name)
    axis.set(xlabel="lp/cm", ylabel="HU² mm²", ylim=(1, None), title="noise power in soft tissue")
    axis.legend(fontsize=7)


def _draw_histogram(axis: "matplotlib.axes.Axes", trial: Trial) -> None:
    bins = [float(edge) for edge in range(-1024, 200, 8)]
    for volume, colour, name in _shown(trial):
        axis.hist(volume.ravel(), bins=bins, histtype="step", color=colour, label=name)
    axis.set(xlabel="HU", ylabel="voxels", yscale="log", xticks=(-1000, -500, 0), title="values")
    axis.legend(fontsize=7)


def _shown(trial: Trial) -> list[tuple[np.ndarray, str, str]]:
    return [
        (trial.source, _GREY, f"{trial.names[0]}, real"),
        (trial.target, _BLUE, f"{trial.names[1]}, real"),
        (trial.emulated, _ORANGE, f"{trial.names[1]}, emulated"),
    ]
