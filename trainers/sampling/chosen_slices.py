"""Training cases cut to chosen slices, so that arms see the same number of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.errors import TrainerError


class ChosenSlices:
    """An nnU-Net dataset of which only chosen slices (first axis) are there: for nnU-Net the other slices do not exist.

    Sampling, class weights and slice counts follow without further code. Slices are read when asked for.

    Parameters
    ----------
    dataset : nnU-Net dataset object
        Of preprocessed cases whose first axis is the slice axis, as 2d plans of ``trainers.planning`` keep it.
    slices : mapping of str to sequence of int
        Case to its chosen slices in the original image; every case of the dataset needs an entry.
    """

    def __init__(self, dataset: Any, slices: Mapping[str, Sequence[int]]) -> None:
        missing = sorted(set(dataset.identifiers) - {case for case, chosen in slices.items() if len(chosen)})
        if missing:
            raise TrainerError(
                "chosen slices",
                found=f"none for {', '.join(missing[:5])}",
                wanted="one at least of every training case",
                action="assemble and prepare the run again",
            )
        self._dataset, self._slices = dataset, slices
        self.identifiers: list[str] = dataset.identifiers

    def load_case(self, identifier: str) -> tuple[Any, Any, Any, dict[str, Any]]:
        """Return data, labels, labels of an earlier stage, and properties of the chosen slices of a case."""
        data, seg, seg_prev, properties = self._dataset.load_case(identifier)
        index = self._index(identifier, data.shape[1], properties)
        previous = None if seg_prev is None else _Slices(seg_prev, index)
        locations = {label: _moved(places, index) for label, places in properties["class_locations"].items()}
        return _Slices(data, index), _Slices(seg, index), previous, properties | {"class_locations": locations}

    def _index(self, identifier: str, depth: int, properties: Mapping[str, Any]) -> np.ndarray:
        """Return the chosen slices as places in the preprocessed case, which nnU-Net may have cropped."""
        first, last = (int(place) for place in properties["bbox_used_for_cropping"][0])
        index = np.asarray(sorted(self._slices[identifier]), dtype=np.intp) - first
        if last - first != depth or index[0] < 0 or index[-1] >= depth:
            raise TrainerError(
                identifier,
                found=f"slices {index[0] + first} to {index[-1] + first} in a case of {depth} slices from {first}",
                wanted="chosen slices inside the case, none resampled",
                action="train configuration 2d of a run that was prepared anew",
            )
        return index


class _Slices:
    """Some slices of a stored array (channel, slice, y, x), read one by one."""

    def __init__(self, array: Any, index: np.ndarray) -> None:
        self._array, self._index = array, index
        self.shape = (array.shape[0], len(index), *array.shape[2:])
        self.ndim, self.dtype = len(self.shape), array.dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        channel, place, *rest = key if isinstance(key, tuple) else (key, slice(None))
        if not isinstance(place, slice):
            place = slice(place, place + 1)
        planes = [np.asarray(self._array[(slice(None), slice(z, z + 1), *rest)]) for z in self._index[place].tolist()]
        return np.asarray(np.concatenate(planes, axis=1)[channel])


def _moved(places: Any, index: np.ndarray) -> np.ndarray:
    """Return the voxels (channel, slice, y, x) that lie in the chosen slices, counted in these."""
    voxels = np.asarray(places).reshape(-1, 4)
    kept = voxels[np.isin(voxels[:, 1], index)].copy()
    kept[:, 1] = np.searchsorted(index, kept[:, 1])
    return kept
