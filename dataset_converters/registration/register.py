"""Register a case to a template: what every backend shares, from two arrays to a warp and its quality."""

import importlib
import pkgutil
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

import dataset_converters.registration.backends
from dataset_converters.registration.affine import SPACING_MM, Affine, align, start_from_boxes
from dataset_converters.registration.chest_region import Mask, find_lungs
from dataset_converters.registration.deformation import Deformation, folding_share
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.frame import Frame, coarser, shrink
from dataset_converters.registration.quality import DONE, FAILED, Limits, Quality, correlation, dice, failure
from dataset_converters.registration.warp import Warp, inverse_error_mm

WINDOW_HU = (-1000.0, 200.0)
"""Intensities that drive a registration; what lies beyond is clipped."""
WORKING_MM = {3: 4.0, 2: 2.0}
MOST_VOXELS = 450_000
"""Of the working frame: bounds time and memory for an image of any size."""
_FEWEST_VOXELS = 8


class Backend(Protocol):
    """What a file in ``registration/backends`` defines."""

    @staticmethod
    def deform(
        moving: NDArray[np.float32],
        fixed: NDArray[np.float32],
        frame: Frame,
        *,
        weight: NDArray[np.float32],
        seed: int,
        device: str,
    ) -> Deformation:
        """Return the deformation of affinely aligned channels (C, *shape) of 0 to 1 on one frame."""


@dataclass(frozen=True)
class Registration:
    """A warp and how good it is; no warp where the images could not be registered at all."""

    warp: Warp | None
    quality: Quality


def backend_names() -> tuple[str, ...]:
    """Return the names of all backends, sorted."""
    found = pkgutil.iter_modules(dataset_converters.registration.backends.__path__)
    return tuple(sorted(entry.name for entry in found))


def register(
    moving_hu: NDArray[np.generic],
    fixed_hu: NDArray[np.generic],
    *,
    moving_spacing_mm: tuple[float, ...],
    fixed_spacing_mm: tuple[float, ...],
    moving_lung: Mask | None = None,
    fixed_lung: Mask | None = None,
    driven_by_lungs: bool = False,
    backend: str = "svf",
    seed: int = 0,
    device: str = "cpu",
    limits: Limits | None = None,
) -> Registration:
    """Return how a moving image (case) lies on a fixed one (template), two images of any size, spacing and view.

    Lungs found in the images give shift and scale of each axis, squared differences an affine transform, and the
    backend the deformation, all at a working resolution of at most `MOST_VOXELS` voxels. Both arrays have the same
    order and sense of axes; a turn of more than about 20 degrees between them is not found.

    Parameters
    ----------
    moving_hu, fixed_hu : arrays (Z, Y, X) or (Y, X)
        HU.
    moving_lung, fixed_lung : bool arrays, optional
        Of the same shapes; measured by, and registered by only if ``driven_by_lungs``.
    driven_by_lungs : bool
        Let the masks count beside the images. A test case has none, so a case for training registered like this is
        treated otherwise than those that the network will meet: leave it False for one way for both.
    limits : Limits
        From where on the registration counts as failed.

    Returns
    -------
    Registration
        Of status ``failed`` with a reason, never an exception, if an image is empty, not finite, one slice or
        without lungs, or a limit is missed; in the last case the warp is there.

    Raises
    ------
    RegistrationError
        No such backend, one not installed, or masks asked for and not given.
    """
    found = _backend(backend)
    if driven_by_lungs and (moving_lung is None or fixed_lung is None):
        raise RegistrationError(
            "register", found="no lung masks", wanted="two with driven_by_lungs", action="give both, or neither"
        )
    sides = (moving_hu, moving_spacing_mm, moving_lung, "case"), (fixed_hu, fixed_spacing_mm, fixed_lung, "template")
    for given in sides:
        if fault := _fault(*given):
            return Registration(None, Quality(FAILED, fault))
    if moving_hu.ndim != fixed_hu.ndim:
        return Registration(None, Quality(FAILED, f"case of {moving_hu.ndim} axes, template of {fixed_hu.ndim}"))
    moving, fixed = (_Side.of(image, spacing, lung) for image, spacing, lung, _ in sides)
    for side, name in ((moving, "case"), (fixed, "template")):
        if not side.air.any():
            return Registration(None, Quality(FAILED, f"{name}: no air the size of a lung inside a body"))
    start, affine = _aligned(moving, fixed, device)
    begun, aligned = _placed(moving, fixed, start), _placed(moving, fixed, affine)
    deformation = found.deform(
        aligned.channels(driven_by_lungs), fixed.channels(driven_by_lungs), fixed.working,
        weight=aligned.inside, seed=seed, device=device,
    )  # fmt: skip
    warp = Warp(moving.frame, fixed.frame, fixed.working, affine, deformation, backend)
    quality = _measured(warp, moving, fixed, begun, start)
    missed = failure(quality, limits or Limits())
    return Registration(warp, replace(quality, status=FAILED if missed else DONE, reason=missed))


def windowed(image_hu: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return `WINDOW_HU` as 0 to 1, float32, clipped."""
    low, high = WINDOW_HU
    return ((np.clip(image_hu, low, high) - low) / (high - low)).astype(np.float32)


@dataclass(frozen=True)
class _Side:
    """One image at working resolution, with its masks (lung: zeros without one)."""

    frame: Frame
    working: Frame
    hu: NDArray[np.float32]
    air: Mask
    lung: NDArray[np.float32]
    inside: NDArray[np.float32]
    given: Mask | None = None

    @classmethod
    def of(cls, image_hu: NDArray[np.generic], spacing_mm: tuple[float, ...], lung: Mask | None) -> "_Side":
        frame = Frame(image_hu.shape, tuple(float(step) for step in spacing_mm))
        working = coarser(frame, WORKING_MM[image_hu.ndim], most_voxels=MOST_VOXELS)
        hu = shrink(image_hu, working)
        small = np.zeros(working.shape, np.float32) if lung is None else shrink(lung, working)
        return cls(frame, working, hu, find_lungs(hu, working.voxel), small, np.ones(working.shape, np.float32), lung)

    def channels(self, with_lungs: bool) -> NDArray[np.float32]:
        image = windowed(self.hu)
        return np.stack([image, self.lung] if with_lungs else [image])


def _fault(image_hu: NDArray[np.generic], spacing_mm: tuple[float, ...], lung: Mask | None, name: str) -> str:
    if image_hu.ndim not in (2, 3) or len(spacing_mm) != image_hu.ndim:
        return f"{name}: {image_hu.ndim} axes and {len(spacing_mm)} spacings, wanted 2 or 3 of both"
    if not all(np.isfinite(step) and step > 0 for step in spacing_mm):
        return f"{name}: spacing {spacing_mm} mm, wanted lengths above 0"
    if min(image_hu.shape) < _FEWEST_VOXELS:
        return f"{name}: shape {image_hu.shape}, wanted at least {_FEWEST_VOXELS} voxels along each axis"
    if not all(np.isfinite(plane).all() for plane in image_hu):
        return f"{name}: NaN or infinite values"
    if image_hu.min() == image_hu.max():
        return f"{name}: one value everywhere"
    if lung is not None and lung.shape != image_hu.shape:
        return f"{name}: lung mask of shape {lung.shape}, image of {image_hu.shape}"
    return f"{name}: empty lung mask" if lung is not None and not lung.any() else ""


def _backend(name: str) -> Backend:
    if name not in backend_names():
        raise RegistrationError(
            "register", found=f"backend {name!r}", wanted=f"one of {', '.join(backend_names())}", action="name one"
        )
    return cast(Backend, importlib.import_module(f"{dataset_converters.registration.backends.__name__}.{name}"))


def _aligned(moving: _Side, fixed: _Side, device: str) -> tuple[Affine, Affine]:
    """Return the start from the lungs' boxes and the affine transform."""
    start = start_from_boxes(moving.air, fixed.air, moving.working, fixed.working)
    frames = [coarser(side.working, SPACING_MM) for side in (moving, fixed)]
    images = [windowed(shrink(side.hu, frame)) for side, frame in zip((moving, fixed), frames, strict=True)]
    return start, align(images[0], images[1], frames[0], frames[1], start=start, device=device)


def _placed(moving: _Side, fixed: _Side, affine: Affine, deformation: Deformation | None = None) -> _Side:
    """Return the moving side on the fixed one's working frame."""
    if deformation is None:
        still = np.zeros((len(fixed.frame.shape), *fixed.working.shape), np.float32)
        deformation = Deformation(still, still)
    warp = Warp(moving.working, fixed.working, fixed.working, affine, deformation, "")
    hu = warp.warp_image(moving.hu)
    lung = np.clip(warp.warp_image(moving.lung), 0.0, 1.0)
    inside = warp.warp_labels(np.ones(moving.working.shape, np.uint8), sampling="nearest").astype(np.float32)
    return _Side(fixed.frame, fixed.working, hu, warp.warp_labels(moving.air.astype(np.uint8)) > 0, lung, inside)


def _covered(warp: Warp, moving: _Side, fixed: _Side) -> float:
    """Return the share of the case's air that lies inside the template's box."""
    coarse = Warp(moving.working, fixed.working, fixed.working, warp.affine, warp.deformation, "")
    inside = coarse.unwarp_labels(np.ones(fixed.working.shape, np.uint8), sampling="nearest") > 0
    return float(np.count_nonzero(moving.air & inside) / np.count_nonzero(moving.air))


def _measured(warp: Warp, moving: _Side, fixed: _Side, begun: _Side, start: Affine) -> Quality:
    ended = _placed(moving, fixed, warp.affine, warp.deformation)
    error = inverse_error_mm(warp.deformation, warp.working)
    target = windowed(fixed.hu)
    quality = Quality(
        DONE,
        covered=_covered(warp, moving, fixed),
        air_dice=dice(fixed.air & (ended.inside > 0), ended.air),
        folding_share=folding_share(warp.deformation.forward, warp.working.spacing_mm),
        inverse_mean_mm=float(error.mean()) if error.size else float("nan"),
        inverse_p95_mm=float(np.percentile(error, 95)) if error.size else float("nan"),
        correlation_before=correlation(target, windowed(begun.hu), begun.inside),
        correlation=correlation(target, windowed(ended.hu), ended.inside),
    )
    if moving.given is None or fixed.given is None:
        return quality
    still = np.zeros_like(warp.deformation.forward)
    before = replace(warp, affine=start, deformation=Deformation(still, still))
    overlap = [dice(fixed.given, w.warp_labels(moving.given.astype(np.uint8)) > 0) for w in (before, warp)]
    return replace(quality, lung_dice_before=overlap[0], lung_dice=overlap[1])
