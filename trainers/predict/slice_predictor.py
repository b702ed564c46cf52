"""nnU-Net's predictor with the tiles of many slices in one forward pass."""

from collections.abc import Iterator
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian

PIXELS_ON_CPU = 2**17
"""Of one forward pass: two slices of 256 x 256 stay in the processor's cache; more of them take longer, each."""
PIXELS_ON_GPU = 2**22


class SlicePredictor(nnUNetPredictor):
    """nnU-Net's predictor, whose 2D tiles of many slices go through the network together.

    Tiles, weights, mirroring, folds, autocast and half-precision sums are nnU-Net's, in its order, so scores differ
    only as a convolution's rounding depends on the batch. Where one tile covers the slice nothing is summed. 3D
    patches, and everything around the tiles, are nnU-Net's own code.
    """

    @torch.inference_mode()
    def _internal_predict_sliding_window_return_logits(
        self, data: torch.Tensor, slicers: list[Any], do_on_device: bool = True
    ) -> torch.Tensor:
        """Return scores (heads, z, y, x) in half precision of preprocessed data (channels, z, y, x)."""
        patch = tuple(self.configuration_manager.patch_size)
        if len(patch) != 2 or not self.use_gaussian:
            scores: torch.Tensor = super()._internal_predict_sliding_window_return_logits(data, slicers, do_on_device)
            return scores
        where = self.device if do_on_device else torch.device("cpu")
        data = data.to(where)
        tiles = list(dict.fromkeys((y.start, x.start) for _, _, y, x in slicers))
        gaussian = compute_gaussian(patch, sigma_scale=1.0 / 8, value_scaling_factor=10, device=where)
        weights = torch.zeros(data.shape[2:], dtype=torch.half, device=where)
        for tile in tiles:
            weights[_window(tile, patch)] += gaussian
        sums = torch.zeros((self.label_manager.num_segmentation_heads, *data.shape[1:]), dtype=torch.half, device=where)
        for slices in _chunks(data.shape[1], self._slices_at_once(patch)):
            for tile in tiles:
                window = (slice(None), slices, *_window(tile, patch))
                weighted = self._predict_tiles(data[window]).to(where) * gaussian
                sums[window] = weighted if len(tiles) == 1 else sums[window] + weighted
            torch.div(sums[:, slices], weights, out=sums[:, slices])
        return sums

    def _predict_tiles(self, tiles: torch.Tensor) -> torch.Tensor:
        """Return the network's scores (heads, n, y, x) of tiles (channels, n, y, x); fewer at once if memory ends."""
        batch = tiles.transpose(0, 1).contiguous()
        try:
            scores: torch.Tensor = self._internal_maybe_mirror_and_predict(batch.to(self.device))
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            torch.cuda.empty_cache()
            halves = tiles.tensor_split(2, dim=1)
            return torch.cat([self._predict_tiles(half) for half in halves], dim=1)
        return scores.transpose(0, 1)

    def _slices_at_once(self, patch: tuple[int, ...]) -> int:
        pixels = PIXELS_ON_GPU if self.device.type == "cuda" else PIXELS_ON_CPU
        return max(1, int(pixels // (patch[0] * patch[1])))


def _window(tile: tuple[int, int], patch: tuple[int, ...]) -> tuple[slice, slice]:
    return slice(tile[0], tile[0] + patch[0]), slice(tile[1], tile[1] + patch[1])


def _chunks(count: int, length: int) -> Iterator[slice]:
    return (slice(start, min(start + length, count)) for start in range(0, count, length))
