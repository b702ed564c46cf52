"""Another reconstruction kernel, emulated in the image: for cases that were reconstructed once.

The model is that of ``physics.conversion`` and ``physics.emulation``: gain in the slice plane, and noise where the
target kernel is the sharper one. From sharp to soft it comes close to a real reconstruction; from soft to sharp its
statistics are right and its texture is one of many. Iterative and learned reconstruction are not modelled. Results on
emulated images are reported apart from those on reconstructed ones.

The kernels are the fitted ones, a pair's own (``kernel_file``), or measured MTF curves of one scanner. Of two curves
the gain is their ratio; the noise passes no aperture, so its spectrum is the ramp times the curve without that of the
scanner (``physics.mtf_curve``). A pair's own conversion holds for its source kernel, maker and pixel size, with which
every image is compared. What speaks against an emulation (metal, clipped air, a kernel known by its class only, a lost
spacing, a corrected tilt, a curve that ends early, a kernel file of other pixels) is kept as facts of the image, named
``doubt_...``.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.fitted import fitted_kernel, kernel_doubts
from dataset_converters.kernels.fitted_pair import source_doubts, source_fault
from dataset_converters.kernels.image_checks import cut_off_fault, geometry_fault, image_doubts
from dataset_converters.kernels.image_size import size_fault
from dataset_converters.kernels.kernel_file import KernelFile, read_fitted_file
from dataset_converters.kernels.mtf_file import read_mtf_file
from dataset_converters.physics.conversion import VALID_PER_MM, Conversion, conversion_between
from dataset_converters.physics.emulation import emulate_kernel, slice_noise
from dataset_converters.physics.kernels import CLASSES, KERNELS, SMOOTHEST, Kernel
from dataset_converters.physics.mtf_curve import MtfCurve
from dataset_converters.physics.slice_filters import added_amplitude
from dataset_converters.records import CtImage

KIND = "emulated"
OPTIONS = {
    "target": f"kernel to emulate: one of {', '.join(KERNELS)}, or a class: {', '.join(CLASSES)}",
    "source": "kernel the images were reconstructed with, of the same list (default: from their facts)",
    "target_mtf": "measured MTF of the kernel to emulate instead of target: CSV with the header cycles/mm,mtf or"
    " lp/cm,mtf",
    "source_mtf": "measured MTF of the kernel of the images instead of source, of the same scanner, as target_mtf",
    "kernel_file": "conversion that kernel-fit wrote, instead of target and source",
    "any_source": "true: use kernel_file also on images of another kernel or maker than it was fitted on",
    "seed": "seed of the added noise, with the name of the case (default 0)",
}

_NOISE_EVERY_MM = 10.0


@dataclass(frozen=True)
class _Settings:
    target: Kernel | MtfCurve | None
    source: Kernel | MtfCurve | None
    kernel_file: KernelFile | None
    any_source: bool
    seed: int


def make_variant(
    dataset: str,
    *,
    target: str = "",
    source: str = "",
    target_mtf: str = "",
    source_mtf: str = "",
    kernel_file: str = "",
    any_source: bool = False,
    seed: int = 0,
) -> Callable[[CtImage, str], CtImage]:
    """Return what makes the variant of an image, given the image and the name of its case.

    A fitted kernel may stand on one side of a measured MTF: its own transfer is that of its window and the aperture
    of ``physics.kernels``, which the measured curve is then divided by.

    Raises
    ------
    ConversionError
        The options do not name one conversion.
    """
    if not all(isinstance(text, str) for text in (target, source, target_mtf, source_mtf, kernel_file)):
        raise _fault(dataset, "", "an option that is no text", "names and files in quotes")
    named = [bool(target), bool(target_mtf), bool(kernel_file)]
    if sum(named) != 1 or (source and source_mtf) or (kernel_file and (source or source_mtf)):
        wanted = "either target or target_mtf (and source or source_mtf), or kernel_file"
        raise _fault(dataset, "", "options that name no conversion", wanted)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise _fault(dataset, "", "a seed that is no whole number", "0 or more")
    if not isinstance(any_source, bool) or (any_source and not kernel_file):
        raise _fault(dataset, "", "an any_source that has no use", "true or false, beside kernel_file")
    fitted = read_fitted_file(Path(kernel_file)) if kernel_file else None
    sides = [_side(dataset, name, curve) for name, curve in ((target, target_mtf), (source, source_mtf))]
    return partial(_emulated, dataset, _Settings(sides[0], sides[1], fitted, any_source, seed))


def _side(dataset: str, name: str, curve: str) -> Kernel | MtfCurve | None:
    if name and name not in KERNELS and name not in CLASSES:
        raise _fault(dataset, "", f"a kernel {name!r}", f"one of {', '.join((*KERNELS, *CLASSES))}")
    if curve:
        return read_mtf_file(Path(curve))
    return KERNELS[CLASSES.get(name, name)] if name else None


def _emulated(dataset: str, settings: _Settings, image: CtImage, case: str) -> CtImage:
    volume = sitk.GetArrayFromImage(image.image)
    pixel_yx_mm = (image.image.GetSpacing()[1], image.image.GetSpacing()[0])
    if unfit := size_fault(image.image) or geometry_fault(image.image) or cut_off_fault(volume):
        raise _fault(dataset, case, *unfit)
    conversion = _conversion(dataset, case, settings, image.facts)
    noise = None
    if added_amplitude(conversion, (volume.shape[1], volume.shape[2]), pixel_yx_mm) is not None:
        every = max(1, math.floor(_NOISE_EVERY_MM / image.image.GetSpacing()[2]))
        noise = slice_noise(volume, pixel_yx_mm, every=every)
        if not np.isfinite(noise).all():
            wanted = "enough soft tissue to measure the noise in"
            raise _fault(dataset, case, "too little soft tissue on every slice", wanted)
    seed = _case_seed(settings.seed, dataset, case)
    made = sitk.GetImageFromArray(emulate_kernel(volume, pixel_yx_mm, conversion, seed=seed, source_sd_hu=noise))
    made.CopyInformation(image.image)
    doubts = image_doubts(image.image, volume, image.facts) | _curve_doubts(settings, conversion)
    if fitted := settings.kernel_file:
        doubts |= source_doubts(fitted.pair, image.facts, pixel_yx_mm[0], also=conversion.source)
    elif settings.source is None:
        doubts |= kernel_doubts(image.facts)
    return CtImage(made, _facts(image.facts, conversion, settings.seed) | doubts)


def _case_seed(seed: int, dataset: str, case: str) -> int:
    """Return a seed of the case's own: patients share no noise, several emulated kernels of one case do."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{dataset}/{case}".encode()).digest()[:8], "big")


def _conversion(dataset: str, case: str, settings: _Settings, facts: Mapping[str, str]) -> Conversion:
    if fitted := settings.kernel_file:
        fault = source_fault(fitted.pair, facts, also=fitted.conversion.source)
        if fault and not settings.any_source:
            raise _fault(dataset, case, *fault, "fit such a pair, or give any_source = true")
        return fitted.conversion
    source, target = settings.source or fitted_kernel(facts), settings.target
    if source is None or target is None:
        found = f"an image of kernel {facts.get('kernel') or 'none'}, of which no class is known"
        raise _fault(dataset, case, found, "a known kernel, or the option source that says what it is like")
    if source.name == target.name:
        raise _fault(dataset, case, f"an image of a kernel like {source.name}", f"another than {target.name}")
    if source == KERNELS[SMOOTHEST]:
        found = f"an image of a kernel like {SMOOTHEST}, which leaves nothing above 4 lp/cm to restore"
        raise _fault(dataset, case, found, "a sharper source")
    return conversion_between(source, target)


def _curve_doubts(settings: _Settings, conversion: Conversion) -> dict[str, str]:
    curves = [side for side in (settings.source, settings.target) if isinstance(side, MtfCurve)]
    if not curves or min(curve.known_to_per_mm for curve in curves) >= VALID_PER_MM:
        return {}
    return {"doubt_mtf_range": f"known to {10 * conversion.valid_per_mm[1]:.3g} lp/cm, nothing kept above"}


def _facts(facts: Mapping[str, str], conversion: Conversion, seed: int) -> dict[str, str]:
    kept = {name: value for name, value in facts.items() if name not in ("kernel_class", "kernel_code")}
    return {
        **kept,
        "kernel": conversion.target,
        "emulated_from": conversion.source,
        "origin": "emulated, not reconstructed",
        "seed": str(seed),
    }


def _fault(dataset: str, case: str, found: str, wanted: str, action: str = "") -> ConversionError:
    action = action or "correct the options of the emulated kernel, or leave the case out"
    return ConversionError(dataset, case, found=found, wanted=wanted, action=action)
