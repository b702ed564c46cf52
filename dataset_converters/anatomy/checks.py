"""What a CT alone says about its values and its orientation: one function a check, each returns its doubts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.anatomy import body_orientation
from dataset_converters.anatomy.body_orientation import Evidence
from dataset_converters.anatomy.body_regions import SIDE_CM2, CoarseCt, coarse_ct
from dataset_converters.checking.hu_limits import range_fault

LUNGS_ML = (1000.0, 10000.0)
"""Both lungs of an adult, from fibrosis in expiration to emphysema in inspiration; airways in them included."""
_LEVELS, _STEP, _FEWEST_VOXELS = 256, 4, 10_000
_CLIPPING_HU, _CLIPPED_SHARE, _CUT_CM2 = 1000, 0.005, 8.0


@dataclass(frozen=True)
class Doubt:
    """One thing a check found: ``error`` or ``warning``, measured value, wanted band, what to do."""

    severity: str
    found: str
    wanted: str
    action: str


@dataclass(frozen=True)
class ImageFacts:
    """A CT and what the checks need to know of it, each measured once."""

    image: sitk.Image
    coarse: CoarseCt

    @cached_property
    def voxels(self) -> NDArray[np.generic]:
        """The image as stored (z, y, x), not copied."""
        return np.asarray(sitk.GetArrayViewFromImage(self.image))

    @cached_property
    def range_hu(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return float(self.voxels.min()), float(self.voxels.max())

    @cached_property
    def levels(self) -> NDArray[np.generic]:
        """All values there are; of real numbers those of the middle slice."""
        if not np.issubdtype(self.voxels.dtype, np.integer):
            return np.unique(self.voxels[len(self.voxels) // 2])
        low = int(self.voxels.min())
        found = np.zeros(int(self.voxels.max()) - low + 1, dtype=bool)
        for plane in self.voxels:
            found[plane.astype(np.int64) - low] = True
        return np.flatnonzero(found) + low

    @cached_property
    def back(self) -> Evidence:
        """Where the back is."""
        return body_orientation.back(self.coarse)

    @cached_property
    def up(self) -> Evidence:
        """Where the head is."""
        return body_orientation.up(self.coarse, back_sign=self.back.verdict)

    @cached_property
    def left(self) -> Evidence:
        """Where the heart is."""
        return body_orientation.left(self.coarse, up_sign=self.up.verdict)

    @cached_property
    def cut_ends(self) -> tuple[str, ...]:
        """Ends of the image that cut through lung: ``bottom``, ``top``."""
        areas = self.coarse.lungs.sum(axis=(1, 2)) * self.coarse.pixel_cm2
        return tuple(name for name, area in (("bottom", areas[0]), ("top", areas[-1])) if area > _CUT_CM2)

    @property
    def is_cut(self) -> bool:
        """Whether the image cuts lung at an end or at a side."""
        return bool(self.cut_ends) or self.coarse.side_cm2 > SIDE_CM2


def image_facts(image: sitk.Image, labels: sitk.Image | None = None) -> ImageFacts:
    """Return a CT with its coarse copy."""
    return ImageFacts(image, coarse_ct(image, labels))


def image_doubts(facts: ImageFacts) -> list[Doubt]:
    """Return what is doubtful in a CT; where the lungs lie is only asked if the values are HU."""
    doubts = [*range_doubts(facts), *level_doubts(facts), *clipping_doubts(facts)]
    if any(doubt.severity == "error" for doubt in doubts):
        return doubts
    checks = (orientation_doubts, volume_doubts, edge_doubts)
    return doubts + [doubt for check in checks for doubt in check(facts)]


def range_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt values that reach from no air or to no tissue: no rescale intercept, or scaled to another unit."""
    low, high = facts.range_hu
    if fault := range_fault(low, high):
        action = "apply rescale slope and intercept of the source; windowed or rescaled images cannot be turned back"
        yield Doubt(fault[0], f"values from {low:g} to {high:g}", fault[1], action)


def level_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt an image with as few values as a photograph, or with values that are all multiples of a step."""
    if facts.voxels.size < _FEWEST_VOXELS or not np.isfinite(facts.range_hu).all():
        return
    levels = facts.levels
    steps = np.diff(levels[np.isfinite(levels)])
    action = "take the CT as the scanner wrote it, 12 bits a voxel: fine differences are lost here"
    if 1 < len(levels) <= _LEVELS:
        yield Doubt("warning", f"{len(levels)} different values", f"more than {_LEVELS}: no 8-bit image", action)
    elif np.issubdtype(facts.voxels.dtype, np.integer) and np.gcd.reduce(steps.astype(np.int64)) >= _STEP:
        step = int(np.gcd.reduce(steps.astype(np.int64)))
        yield Doubt("warning", f"values in steps of {step}", "steps of 1 HU or so", action)


def clipping_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt an image whose bright voxels all have one value: clipped by a window."""
    _, high = facts.range_hu
    clipped = int((facts.voxels == high).sum()) / facts.voxels.size
    if high < _CLIPPING_HU and clipped > _CLIPPED_SHARE:
        found = f"{clipped:.1%} of the voxels at the highest value, {high:g}"
        action = "take the CT before it was windowed; the study clips intensities itself"
        yield Doubt("warning", found, f"at most {_CLIPPED_SHARE:.1%}: not clipped by a window", action)


def orientation_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt a patient who lies otherwise than the header says: back in front, head down, heart on the right."""
    action = "compare with the source: its header may be wrong, or a program turned the voxels and not the header"
    if facts.back.verdict < 0:
        yield Doubt("warning", f"{facts.back.found}: front and back exchanged", "the spine at the back", action)
    if facts.up.verdict < 0:
        yield Doubt("warning", f"{facts.up.found}: upside down", "apex up, base down", action)
    if facts.left.verdict < 0:
        found = f"{facts.left.found}: left and right exchanged"
        rare = "; a heart on the right, a removed or collapsed lung look the same"
        yield Doubt("warning", found, "the heart on the patient's left", action + rare)


def volume_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt lungs too small or too large for an adult; too small only if the image holds them whole."""
    volume, (low, high) = facts.coarse.lung_ml, LUNGS_ML
    too_small = 0 < volume < low and not facts.is_cut
    if too_small or volume > high:
        wanted = f"{low:.0f} to {high:.0f} mL in an adult"
        action = "check the voxel spacing; a child, collapse, or lung full of fluid also explain a small value"
        yield Doubt("warning", f"{volume:.0f} mL of air-filled lung", wanted, action)


def edge_doubts(facts: ImageFacts) -> Iterator[Doubt]:
    """Doubt lungs that the image cuts: at its first or last slice, or at its sides."""
    if not facts.coarse.lung_ml:
        return
    action = "keep it if the source is so; volumes of cut lungs are no volumes of lungs"
    if facts.cut_ends:
        yield Doubt(
            "warning", f"lung cut at the {' and the '.join(facts.cut_ends)}", "the lungs inside the image", action
        )
    if (area := facts.coarse.side_cm2) > SIDE_CM2:
        yield Doubt(
            "warning", f"{area:.0f} cm2 of lung at the sides of the image", "the lungs inside the image", action
        )
