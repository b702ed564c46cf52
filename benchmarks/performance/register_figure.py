"""One registration as a figure: template, case, case on the template, outlines, change of volume and folds."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from benchmarks.performance.chest_pair import Chest
from dataset_converters.atomic import replacing
from dataset_converters.registration.deformation import jacobian_determinant
from dataset_converters.registration.warp import Warp

_WINDOW = (-1200, 300)
_BLUE, _ORANGE = "#0072B2", "#D55E00"


def draw_registration(moving: Chest, fixed: Chest, warp: Warp, path: Path) -> None:
    """Write one figure (PNG): a coronal and an axial plane through the middle."""
    matplotlib.use("Agg")
    image, lung = warp.warp_image(moving.image), warp.warp_labels(moving.lung.astype(np.uint8))
    determinant = jacobian_determinant(warp.deformation.forward, warp.working.spacing_mm)
    figure = Figure(figsize=(14, 7), layout="constrained")
    axes = figure.subplots(2, 4)
    for row, axis_cut in enumerate((0, 1)):
        panels: tuple[tuple[np.ndarray, str], ...] = (
            (fixed.image, "template"),
            (moving.image, "case"),
            (image, "case on the template"),
        )
        for axis, (volume, name) in zip(axes[row], panels, strict=False):
            frame = moving.frame if name == "case" else fixed.frame
            axis.imshow(
                _cut(volume, axis_cut),
                cmap="gray",
                vmin=_WINDOW[0],
                vmax=_WINDOW[1],
                extent=_box(frame.extent_mm, axis_cut),
            )
            axis.set_title(name, fontsize=10)
        for mask, colour in ((fixed.lung, _BLUE), (lung > 0, _ORANGE)):
            plane = _cut(mask, axis_cut)[::-1]
            axes[row, 2].contour(
                plane, [0.5], colors=colour, linewidths=0.8, extent=_box(fixed.frame.extent_mm, axis_cut)
            )
        plane = _cut(determinant, axis_cut)
        shown = axes[row, 3].imshow(plane, cmap="RdBu_r", vmin=0, vmax=2, extent=_box(fixed.frame.extent_mm, axis_cut))
        figure.colorbar(shown, ax=axes[row, 3], shrink=0.7)
        axes[row, 3].set_title(f"Jacobian determinant; folds here: {int((plane <= 0).sum())}", fontsize=10)
    axes[0, 2].set_title("case on the template (lung: blue template, orange case)", fontsize=9)
    for axis in axes.ravel():
        axis.set_axis_off()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=90)


def _cut(volume: np.ndarray, axis: int) -> np.ndarray:
    """Return the middle plane across an axis, the head up in a coronal one."""
    plane = np.take(volume, volume.shape[axis] // 2, axis=axis)
    return plane[::-1] if axis == 1 else plane


def _box(extent_mm: tuple[float, ...], axis: int) -> tuple[float, float, float, float]:
    height, width = (extent_mm[other] for other in range(3) if other != axis)
    return (0.0, width, 0.0, height)
