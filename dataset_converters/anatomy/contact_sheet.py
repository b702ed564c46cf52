"""Contact sheets: every case as one small strip of three views, so that a person can skim a hundred cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image

from dataset_converters.atomic import replacing

TILES_A_PAGE, COLUMNS = 24, 4
VIEW_PIXELS = 200
LUNG_WINDOW, SOFT_WINDOW = (-1350.0, 150.0), (-160.0, 240.0)
COLOURS = (
    *("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2"),
    *("#FFFFFF", "#882255", "#44AA99", "#999933", "#AA4499"),
)
"""Okabe and Ito, then Tol (muted): told apart with any colour vision."""
MARKS = {"error": "#D55E00", "warning": "#E69F00", "": "#666666"}
_LETTERS = (("R", "L", "A", "P"), ("R", "L", "S", "I"), ("A", "P", "S", "I"))
_DPI = 100

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Tile:
    """One case on a sheet: its views side by side (rows, columns, 3), name, worst severity and number of findings."""

    picture: Rgb
    case: str
    severity: str
    findings: int
    window: str


def case_tile(
    image: sitk.Image,
    labels: sitk.Image | None,
    *,
    case: str,
    severity: str,
    findings: int,
    in_lung_window: bool,
    hidden: Sequence[int] = (),
) -> Tile:
    """Draw a case: axial, coronal and sagittal slice at one scale in mm, outlines of the labels on them.

    The slices are those with the most labelled voxels, else the middle ones. The patient's right is on the viewer's
    left, front and head are up.

    Parameters
    ----------
    labels : SimpleITK.Image or None
        Label map on the image's voxels; values above 0 are outlined, each in its own colour, but for `hidden` ones.
    """
    turned = sitk.DICOMOrient(image, "LPS")
    hu = sitk.GetArrayViewFromImage(turned)
    label_map = None if labels is None else sitk.GetArrayFromImage(sitk.DICOMOrient(labels, "LPS"))
    if label_map is not None:
        label_map[np.isin(label_map, list(hidden))] = 0
    spacing = turned.GetSpacing()[::-1]
    scale_mm = max(size * mm for size, mm in zip(hu.shape, spacing, strict=True)) / VIEW_PIXELS
    window = LUNG_WINDOW if in_lung_window else SOFT_WINDOW
    views = []
    for axis, place in enumerate(_places(hu.shape, label_map)):
        rest = [mm for other, mm in enumerate(spacing) if other != axis]
        shape = [size for other, size in enumerate(hu.shape) if other != axis]
        height, width = (max(1, round(n * mm / scale_mm)) for n, mm in zip(shape, rest, strict=True))
        plane = _grey(np.take(hu, place, axis), (height, width), window)
        if label_map is not None:
            _outline(plane, np.take(label_map, place, axis), (height, width))
        views.append(_centred(plane if axis == 0 else plane[::-1]))
    name = "lung window" if in_lung_window else "soft-tissue window"
    return Tile(np.concatenate(views, axis=1), case, severity, findings, name)


def write_sheet(path: Path, tiles: Sequence[Tile], structures: Mapping[str, int], *, title: str) -> None:
    """Write one page of tiles as PNG; equal tiles give equal bytes."""
    rows = -(-len(tiles) // COLUMNS)
    width, height = COLUMNS * (3 * VIEW_PIXELS + 16), rows * (VIEW_PIXELS + 34) + 66
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        left = (column * (3 * VIEW_PIXELS + 16) + 8) / width
        bottom = 1 - ((row + 1) * (VIEW_PIXELS + 34) + 30) / height
        _draw(figure, tile, (left, bottom, 3 * VIEW_PIXELS / width, VIEW_PIXELS / height))
    figure.text(8 / width, 1 - 8 / height, title, va="top", fontsize=11)
    shown = {name: value for name, value in structures.items() if value > 0 and name != "ignore"}
    patches = [Patch(color=colour_of(value), label=name.replace("_", " ")) for name, value in shown.items()]
    if patches:
        figure.legend(handles=patches, loc="lower left", ncols=len(patches), fontsize=9, frameon=False)
    with replacing(path) as temporary:
        FigureCanvasAgg(figure)
        figure.savefig(temporary, format="png", metadata={"Software": None})


def colour_of(value: int) -> str:
    """Return the colour of a label value."""
    return COLOURS[(value - 1) % len(COLOURS)]


def _places(shape: tuple[int, ...], labels: NDArray[np.integer] | None) -> list[int]:
    """Return the slice to show along each axis."""
    places = [size // 2 for size in shape]
    if labels is None or not labels.any():
        return places
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places[axis] = int(np.argmax(np.count_nonzero(labels, axis=others)))
    return places


def _grey(plane: NDArray[np.generic], size: tuple[int, int], window: tuple[float, float]) -> Rgb:
    low, high = window
    picture = Image.fromarray(np.nan_to_num(plane.astype(np.float32), nan=low))
    resized = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
    grey = np.clip((resized - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _outline(plane: Rgb, labels: NDArray[np.integer], size: tuple[int, int]) -> None:
    """Colour the inner edge of every label."""
    shown = np.asarray(Image.fromarray(labels.astype(np.uint8)).resize(size[::-1], Image.Resampling.NEAREST))
    padded = np.pad(shown, 1)
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge = (shown > 0) & np.any([other != shown for other in around], axis=0)
    for value in np.unique(shown[edge]):
        red, green, blue = (int(colour_of(int(value))[place : place + 2], 16) for place in (1, 3, 5))
        plane[edge & (shown == value)] = (red, green, blue)


def _centred(plane: Rgb) -> Rgb:
    """Return the picture in the middle of a black square."""
    square = np.zeros((VIEW_PIXELS, VIEW_PIXELS, 3), dtype=np.uint8)
    height, width = plane.shape[:2]
    top, left = (VIEW_PIXELS - height) // 2, (VIEW_PIXELS - width) // 2
    square[top : top + height, left : left + width] = plane
    return square


def _draw(figure: Figure, tile: Tile, place: tuple[float, float, float, float]) -> None:
    axes = figure.add_axes(place)
    axes.imshow(tile.picture, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    colour = MARKS[tile.severity]
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(3 if tile.severity else 1)
    words = f"{tile.findings} findings" if tile.findings != 1 else "1 finding"
    mark = f"  {tile.severity.upper()}: {words}" if tile.severity else ""
    axes.set_title(f"{tile.case}{mark}", loc="left", fontsize=9, color=colour if tile.severity else "black", pad=3)
    axes.set_title(tile.window, loc="right", fontsize=7, color="#666666", pad=3)
    for view, letters in enumerate(_LETTERS):
        middle, first = VIEW_PIXELS / 2, view * VIEW_PIXELS
        corners = ((first + 6, middle), (first + VIEW_PIXELS - 6, middle), (first + middle, 8))
        for letter, (x, y) in zip(letters, (*corners, (first + middle, VIEW_PIXELS - 8)), strict=True):
            text = axes.text(x, y, letter, color="white", fontsize=7, ha="center", va="center")
            text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
    for border in (VIEW_PIXELS, 2 * VIEW_PIXELS):
        axes.axvline(border - 0.5, color="#888888", linewidth=0.8)
