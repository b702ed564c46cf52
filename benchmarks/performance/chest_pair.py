"""Two synthetic chests of different people: other size, other shape, other disease."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.phantom.patient import PatientKey, make_patient
from dataset_converters.registration.frame import Frame

SIZE_ZYX = (96, 192, 192)
_COHORT = 7
_DISEASES = ("ground_glass", "reticulation", "consolidation")
_BEND_MM, _BEND_SCALE_MM = 7.0, 42.0
_OUTSIDE_HU = -1024


@dataclass(frozen=True)
class Chest:
    """One image in HU, its labels (as `phantom.lung_tissue.LABELS`) and where its voxels lie."""

    image: NDArray[np.int16]
    labels: NDArray[np.uint8]
    frame: Frame

    @property
    def lung(self) -> NDArray[np.bool_]:
        """Lung with all that is in it."""
        return self.labels > 0


def make_chest_pair(size_zyx: tuple[int, int, int] = SIZE_ZYX) -> tuple[Chest, Chest]:
    """Return moving and fixed chest.

    The phantom's patients differ in size, diaphragm, heart and disease, which an affine transform nearly undoes. So
    the moving one is also bent by a smooth random displacement of `_BEND_MM` (standard deviation of each component):
    the overlap of the lungs after affine alignment is then about 0.90, as between real patients.
    """
    moving, fixed = (_chest(number, size_zyx) for number in (2, 1))
    return _bent(moving, seed=3), fixed


def _chest(number: int, size_zyx: tuple[int, int, int]) -> Chest:
    patient = make_patient(PatientKey(_COHORT, number, size_zyx, _DISEASES, ("MK",)))
    return Chest(patient.images["MK"], patient.labels, Frame(size_zyx, patient.spacing_zyx_mm))


def _bent(chest: Chest, *, seed: int) -> Chest:
    rng = np.random.default_rng(seed)
    spacing = np.array(chest.frame.spacing_mm)
    places = np.indices(chest.image.shape, dtype=np.float32)
    for axis in range(3):
        noise = ndimage.gaussian_filter(
            rng.standard_normal(chest.image.shape, dtype=np.float32), _BEND_SCALE_MM / spacing
        )
        places[axis] += noise * np.float32(_BEND_MM / noise.std() / spacing[axis])
    image = ndimage.map_coordinates(chest.image, places, order=1, mode="constant", cval=_OUTSIDE_HU)
    labels = ndimage.map_coordinates(chest.labels, places, order=0, mode="constant")
    return Chest(image, labels, chest.frame)
