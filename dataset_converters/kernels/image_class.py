"""The class of the kernel an image shows, from its facts: reconstructed, emulated or simulated."""

from collections.abc import Mapping
from typing import cast, get_args

from dataset_converters.kernels.names import KernelClass, classify_kernel
from dataset_converters.physics.kernels import KERNELS

_FITTED_MAKER = "SIEMENS"
"""The fitted kernels bear names of this maker; emulated and simulated images name one of them beside another maker."""


def image_kernel_class(facts: Mapping[str, str]) -> KernelClass:
    """Return the class: the recorded ``kernel_class`` if there is one, else that of ``kernel`` and ``manufacturer``.

    ``unknown`` where the kernel is not recorded or the table does not name it.
    """
    if facts.get("kernel_class") in get_args(KernelClass):
        return cast(KernelClass, facts["kernel_class"])
    kernel = facts.get("kernel", "")
    code = kernel.split("\\")[0].strip()
    return classify_kernel(_FITTED_MAKER if code in KERNELS else facts.get("manufacturer", ""), kernel)
