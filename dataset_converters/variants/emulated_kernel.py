"""Another reconstruction kernel, emulated in the image: for cases that were reconstructed once.

The model is that of ``physics.conversion`` and ``physics.emulation``: gain in the slice plane, and noise where the
target kernel is the sharper one. From sharp to soft it comes close to a real reconstruction; from soft to sharp its
statistics are right and its texture is one of many. Iterative and learned reconstruction are not modelled. Results on
emulated images are reported apart from those on reconstructed ones.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.fitted import fitted_kernel
from dataset_converters.kernels.kernel_file import read_kernel_file
from dataset_converters.physics.conversion import Conversion, conversion_between
from dataset_converters.physics.emulation import HIGHEST_HU, LOWEST_HU, emulate_kernel, slice_noise
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.records import CtImage

KIND = "emulated"
OPTIONS = {
    "target": f"kernel to emulate: one of {', '.join(KERNELS)}",
    "source": "kernel the images were reconstructed with, of the same list (default: from their facts)",
    "kernel_file": "conversion that kernel-fit wrote, instead of target and source",
    "seed": "seed of the added noise (default 0)",
}

LARGEST_PIXEL_MM = 1.0
"""Above this the kernels' difference lies beyond the pixels' Nyquist frequency and has been folded back."""
_AXIAL_COSINE = 0.9
_NOISE_EVERY_MM = 10.0
_AIR_HU, _TISSUE_HU = -900, 200
_TISSUE_EDGE_HU = -300
_FEW = 1e-3


@dataclass(frozen=True)
class _Settings:
    target: str
    source: str
    conversion: Conversion | None
    seed: int


def make_variant(
    dataset: str, *, target: str = "", source: str = "", kernel_file: str = "", seed: int = 0
) -> Callable[[CtImage, str], CtImage]:
    """Return what makes the variant of an image, given the image and the name of its case.

    Raises
    ------
    ConversionError
        The options do not name one conversion.
    """
    if bool(kernel_file) == bool(target) or (kernel_file and source):
        raise _fault(dataset, "", "options that name no conversion", "either target (and source), or kernel_file")
    for name in (target, source):
        if name and name not in KERNELS:
            raise _fault(dataset, "", f"a kernel {name!r}", f"one of {', '.join(KERNELS)}")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise _fault(dataset, "", "a seed that is no whole number", "0 or more")
    conversion = read_kernel_file(Path(kernel_file)) if kernel_file else None
    return partial(_emulated, dataset, _Settings(target, source, conversion, seed))


def _emulated(dataset: str, settings: _Settings, image: CtImage, case: str) -> CtImage:
    volume = sitk.GetArrayFromImage(image.image)
    pixel_yx_mm = (image.image.GetSpacing()[1], image.image.GetSpacing()[0])
    _refuse_unfit(dataset, case, image.image, volume)
    conversion = settings.conversion or _conversion(dataset, case, settings, image.facts)
    noise = None
    if conversion.adds_noise:
        every = max(1, math.floor(_NOISE_EVERY_MM / image.image.GetSpacing()[2]))
        noise = slice_noise(volume, pixel_yx_mm, every=every)
        if not np.isfinite(noise).all():
            wanted = "enough soft tissue to measure the noise in"
            raise _fault(dataset, case, "too little soft tissue on every slice", wanted)
    made = sitk.GetImageFromArray(
        emulate_kernel(volume, pixel_yx_mm, conversion, seed=settings.seed, source_sd_hu=noise)
    )
    made.CopyInformation(image.image)
    facts = _facts(image.facts, conversion, settings.seed)
    doubts = _doubts(volume)
    return CtImage(made, facts | ({"emulation_doubts": doubts} if doubts else {}))


def _conversion(dataset: str, case: str, settings: _Settings, facts: Mapping[str, str]) -> Conversion:
    source = KERNELS[settings.source] if settings.source else fitted_kernel(facts)
    if source is None:
        found = f"an image of kernel {facts.get('kernel') or 'none'}, of which no class is known"
        raise _fault(dataset, case, found, "a known kernel, or the option source that says what it is like")
    if source.name == settings.target:
        raise _fault(dataset, case, f"an image of a kernel like {source.name}", f"another than {settings.target}")
    return conversion_between(source, KERNELS[settings.target])


def _facts(facts: Mapping[str, str], conversion: Conversion, seed: int) -> dict[str, str]:
    kept = {name: value for name, value in facts.items() if name not in ("kernel_class", "kernel_code")}
    return {
        **kept,
        "kernel": conversion.target,
        "emulated_from": conversion.source,
        "origin": "emulated, not reconstructed",
        "seed": str(seed),
    }


def _refuse_unfit(dataset: str, case: str, image: sitk.Image, volume: np.ndarray) -> None:
    pixel_mm = max(image.GetSpacing()[:2])
    upright = abs(np.reshape(image.GetDirection(), (3, 3))[2, 2])
    if pixel_mm > LARGEST_PIXEL_MM:
        found, wanted = f"pixels of {pixel_mm:.3g} mm", f"at most {LARGEST_PIXEL_MM:g} mm, as reconstructed"
        raise _fault(dataset, case, found, wanted)
    if upright < _AXIAL_COSINE:
        raise _fault(dataset, case, "slices that are not axial", "slices as they were reconstructed")
    if volume.min() > _AIR_HU or volume.max() < _TISSUE_HU:
        found = f"values from {volume.min():g} to {volume.max():g}"
        raise _fault(dataset, case, found, f"HU that were not cut off: air below {_AIR_HU}, tissue above {_TISSUE_HU}")


def _doubts(volume: np.ndarray) -> str:
    """Return what makes the emulation less certain: values that the source had clipped, whose detail is lost."""
    high = float((volume >= HIGHEST_HU).mean())
    inside = _between_tissue(volume)
    low = float((volume[inside] <= LOWEST_HU).mean()) if inside.any() else 0.0
    shares = {"clipped in metal": high, "of the body clipped in air": low}
    return "; ".join(f"{share:.2%} of voxels {what}" for what, share in shares.items() if share > _FEW)


def _between_tissue(volume: np.ndarray) -> np.ndarray:
    """Return the voxels that have tissue on both sides of them in their row."""
    tissue = volume > _TISSUE_EDGE_HU
    return np.logical_or.accumulate(tissue, axis=2) & np.logical_or.accumulate(tissue[:, :, ::-1], axis=2)[:, :, ::-1]


def _fault(dataset: str, case: str, found: str, wanted: str) -> ConversionError:
    action = "correct the options of the emulated kernel, or leave the case out"
    return ConversionError(dataset, case, found=found, wanted=wanted, action=action)
