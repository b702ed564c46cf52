"""Body, lungs and bone of a CT by thresholds alone, on a coarse grid: enough to see how a patient lies."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

COARSE_MM, SMOOTH_MM = 3.5, 2.5
"""In each slice; the noise of a sharp kernel on large pixels would hide body and lung."""
BODY_HU, LUNG_HU, BONE_HU = -300, -400, 200
GAS_HU = -970
"""Inside of a part whose middle value is lower holds gas without vessels: bowel, or room air between the legs."""
SMALLEST_PART_ML = 30.0
CUT_BETWEEN, OPEN_BETWEEN = 0.3, 0.8
"""Share of a part of the open air between dense voxels: lung 0.5 to 1.0 seen, mattresses 0.01 at most."""
SIDE_CM2 = 8.0
"""More lung in the outer rows and columns, and the image does not hold the chest whole."""
_IN_SLICE = np.ones((1, 3, 3), dtype=bool)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class CoarseCt:
    """A CT turned so that z goes up, y to the back and x to the patient's left, in voxels of about 3.5 mm.

    Attributes
    ----------
    hu : numpy.ndarray
        (z, y, x) float32, means of the fine voxels, smoothed a little in each slice.
    mean_hu : numpy.ndarray
        The same, not smoothed: gas stays gas up to its wall.
    labels : numpy.ndarray or None
        (z, y, x) the label at the middle of each coarse voxel.
    spacing_mm : tuple
        (z, y, x).
    """

    hu: NDArray[np.float32]
    mean_hu: NDArray[np.float32]
    labels: NDArray[np.integer] | None
    spacing_mm: tuple[float, float, float]

    @property
    def voxel_ml(self) -> float:
        """Volume of one coarse voxel."""
        return float(np.prod(self.spacing_mm)) / 1000

    @property
    def pixel_cm2(self) -> float:
        """Area of one coarse pixel of an axial slice."""
        return self.spacing_mm[1] * self.spacing_mm[2] / 100

    @cached_property
    def body(self) -> Mask:
        """The largest dense region with the air it encloses in each axial slice and lung at the sides; no table."""
        dense = _largest(ndimage.binary_opening(self.hu > BODY_HU, _IN_SLICE))
        enclosed = _filled(dense)
        lung = self._open_lung(dense, enclosed)
        return _filled(enclosed | lung) if lung.any() else enclosed

    @cached_property
    def lungs(self) -> Mask:
        """Both lungs, large airways in them included; empty in an image that shows none.

        Parts of the body below -400 HU of 30 mL or more, unless they hold mere gas. Consolidated or fluid-filled lung
        is not in it.
        """
        parts, _ = ndimage.label(self.body & (self.hu < LUNG_HU))
        lungs = np.zeros(self.hu.shape, dtype=bool)
        for number, place in enumerate(ndimage.find_objects(parts), start=1):
            part = parts[place] == number
            if part.sum() * self.voxel_ml >= SMALLEST_PART_ML and self._inner_hu(part, place) > GAS_HU:
                lungs[place] |= part
        return lungs

    @cached_property
    def lung_ml(self) -> float:
        """Volume of `lungs`."""
        return float(self.lungs.sum()) * self.voxel_ml

    @cached_property
    def side_cm2(self) -> float:
        """Area of lung in the first and last rows and columns."""
        z_mm, y_mm, x_mm = self.spacing_mm
        rows, columns = self.lungs[:, [0, -1], :].sum() * x_mm, self.lungs[:, :, [0, -1]].sum() * y_mm
        return float((rows + columns) * z_mm / 100)

    def _open_lung(self, dense: Mask, enclosed: Mask) -> Mask:
        """Return lung that no slice encloses: the image cuts it at a side, or the chest wall is thinner than a voxel.

        It is denser than room air, and most of it lies between dense voxels of its row or of its column (of both if it
        reaches no side); a mattress or a blanket does not.
        """
        open_air = ~enclosed & (self.hu > GAS_HU) & (self.hu < BODY_HU)
        parts, _ = ndimage.label(ndimage.binary_opening(open_air, _IN_SLICE))
        rows, columns = _between(dense, 2), _between(dense, 1)
        lung = np.zeros(self.hu.shape, dtype=bool)
        for number, place in enumerate(ndimage.find_objects(parts), start=1):
            part = parts[place] == number
            if part.sum() * self.voxel_ml < SMALLEST_PART_ML:
                continue
            cut = (part & _sides(self.hu.shape)[place]).any()
            either = (rows | columns)[place][part].mean() > CUT_BETWEEN
            both = (rows & columns)[place][part].mean() > OPEN_BETWEEN
            if (cut and either) or both:
                lung[place] |= part
        return ndimage.binary_dilation(lung, _IN_SLICE) & open_air if lung.any() else lung

    def _inner_hu(self, part: Mask, place: tuple[slice, ...]) -> float:
        """Return the middle value away from the wall, where voxels hold nothing else."""
        inner = ndimage.binary_erosion(part)
        return float(np.median(self.mean_hu[place][inner if inner.any() else part]))


def coarse_ct(image: sitk.Image, labels: sitk.Image | None = None) -> CoarseCt:
    """Make a CT and its label map coarse and turn both to the patient's axes.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, HU; oblique axes are taken for the nearest of the patient's.
    labels : SimpleITK.Image, optional
        On the image's voxels.
    """
    factors = [
        min(max(1, round(COARSE_MM / mm)), size) for mm, size in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    coarse = sitk.BinShrink(image, factors)
    x, y, z = coarse.GetSize()
    turned = sitk.DICOMOrient(coarse, "LPS")
    chosen = None
    if labels is not None:
        middle = tuple(slice(factor // 2, None, factor) for factor in reversed(factors))
        picked = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(labels)[middle][:z, :y, :x])
        picked.CopyInformation(coarse)
        chosen = sitk.GetArrayFromImage(sitk.DICOMOrient(picked, "LPS"))
    x_mm, y_mm, z_mm = turned.GetSpacing()
    hu = sitk.GetArrayFromImage(turned).astype(np.float32)
    smooth = ndimage.gaussian_filter(hu, (0.0, SMOOTH_MM / y_mm, SMOOTH_MM / x_mm))
    return CoarseCt(smooth, hu, chosen, (z_mm, y_mm, x_mm))


def _filled(mask: Mask) -> Mask:
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


def _between(mask: Mask, axis: int) -> Mask:
    """Return the voxels with a voxel of the mask before and one after them along an axis."""
    before = np.logical_or.accumulate(mask, axis=axis)
    after = np.flip(np.logical_or.accumulate(np.flip(mask, axis), axis=axis), axis)
    between: Mask = before & after
    return between


def _sides(shape: tuple[int, ...]) -> Mask:
    """Return the outer rows and columns of every slice."""
    sides = np.ones(shape, dtype=bool)
    sides[:, 1:-1, 1:-1] = False
    return sides


def _largest(mask: Mask) -> Mask:
    parts, count = ndimage.label(mask)
    if not count:
        return np.asarray(mask)
    largest: Mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return largest
