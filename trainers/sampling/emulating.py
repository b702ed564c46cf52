"""Slices drawn uniformly, half of them as another reconstruction kernel would have shown them."""

from typing import Any

import numpy as np
import torch

from trainers.kernel_emulation import KernelEmulation
from trainers.sampling.slices import UniformSliceLoader


class EmulatingSliceLoader(UniformSliceLoader):
    """`UniformSliceLoader` whose training slices pass through the ``emulation`` of its transforms, if they have one."""

    def generate_train_batch(self) -> dict[str, Any]:
        """Return a batch; the labels stay as they are."""
        batch: dict[str, Any] = super().generate_train_batch()
        emulation: KernelEmulation | None = getattr(self.transforms, "emulation", None)
        if emulation is not None:
            for index, case in enumerate(batch["keys"]):
                plane = np.asarray(batch["data"][index, 0], np.float32)
                batch["data"][index, 0] = torch.from_numpy(emulation.emulate(plane, case))
        return batch
