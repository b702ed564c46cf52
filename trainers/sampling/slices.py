"""Draw training slices uniformly from the annotated ones."""

from typing import Any

import numpy as np
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

from trainers.errors import TrainerError
from trainers.sampling.census import take_census


class UniformSliceLoader(nnUNetDataLoader):
    """nnU-Net's 2D loader with every annotated slice of the training set equally likely.

    nnU-Net draws a case, then a slice, so that slices of short scans are drawn more often; and with an ignore
    label it centres the patch on an annotated voxel, which shifts it by up to half its size. Here a slice is drawn
    uniformly over all cases, the patch in it uniformly, and slices without annotation never.
    """

    def __init__(self, data: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_LastCase(data), *args, **kwargs)
        label_manager = kwargs["label_manager"] if "label_manager" in kwargs else args[3]
        self._annotated = take_census(data, label_manager.ignore_label).annotated
        counts = np.array([len(self._annotated[case]) for case in self.indices], float)
        if not counts.sum():
            raise TrainerError(
                f"{len(self.indices)} cases",
                found="no annotated slice",
                wanted="at least one slice that is not ignored as a whole",
                action="check the labels of these cases: " + ", ".join(self.indices[:5]),
            )
        self.sampling_probabilities = counts / counts.sum()
        self.has_ignore = False

    def get_bbox(
        self, data_shape: Any, force_fg: bool, class_locations: Any, overwrite_class: Any = None, verbose: bool = False
    ) -> tuple[list[int], list[int]]:
        """Return the lower and upper corner (slice, y, x) of a patch in an annotated slice of the case just loaded."""
        lower, upper = super().get_bbox(data_shape, False, None)
        lower[0] = int(np.random.choice(self._annotated[self._data.last_case]))
        upper[0] = lower[0] + 1
        return lower, upper


class _LastCase:
    """An nnU-Net dataset that remembers which case was loaded last: ``get_bbox`` is not told."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.identifiers: list[str] = dataset.identifiers
        self.last_case = ""

    def load_case(self, identifier: str) -> Any:
        """Load a case and remember its id."""
        self.last_case = identifier
        return self._dataset.load_case(identifier)
