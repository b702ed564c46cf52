"""Which of the fitted kernels stands for the kernel an image was reconstructed with."""

import re
from collections.abc import Mapping

from dataset_converters.kernels.names import KernelTable, classify_kernel, kernel_vendor
from dataset_converters.physics.kernels import KERNELS, Kernel

_BY_CLASS = {"soft": "B30f", "medium": "B50f", "sharp": "B70f"}
_SIEMENS = re.compile(r"[A-Z]{1,2}(\d{2})[A-Za-z]*")
_LIMITS = ((20, "B10f"), (41, "B30f"), (59, "B50f"), (99, "B70f"))


def fitted_kernel(facts: Mapping[str, str], *, table: KernelTable | None = None) -> Kernel | None:
    """Return the fitted kernel nearest to that of an image's facts (``kernel``, ``manufacturer``); None if unknown.

    A fitted kernel is taken by its own name, Siemens kernels by their number (up to 20, 41, 59 and above), all
    others by the class of the kernel table: an approximation, for GE supported by Solomon, Christianson and Samei
    2012 (Med Phys 39:6048), for other vendors unproven; `kernel-fit` on a real pair replaces it.
    """
    code = facts.get("kernel", "").split("\\")[0].strip()
    if code in KERNELS:
        return KERNELS[code]
    manufacturer = facts.get("manufacturer", "")
    number = _SIEMENS.fullmatch(code)
    if kernel_vendor(manufacturer, table=table) == "siemens" and number is not None:
        return KERNELS[next(name for limit, name in _LIMITS if int(number.group(1)) <= limit)]
    name = _BY_CLASS.get(classify_kernel(manufacturer, code, table=table))
    return KERNELS[name] if name else None
