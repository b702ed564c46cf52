"""Max pooling that remembers where each maximum was, and its undoing (SegNet)."""

import torch
from torch import nn

RELATIVE, ABSOLUTE = 2**-7, 1e-4
"""Features nearer to each other than that tie; rounding to half precision is 2**-9 of a value."""


def pool(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maxima (batch, planes, y / 2, x / 2) of 2x2 windows, and their places.

    Badrinarayanan et al. 2017 (IEEE TPAMI 39:2481, section 3): the place of each maximum is kept for the decoder. Where
    others come within a percent, the first of them in reading order is the place. In clipped air all features are
    equal but for rounding, which depends on hardware and on how many slices are computed at once; a bare maximum
    would let it move whole regions by a pixel.

    Returns
    -------
    maxima : Tensor
    places : Tensor of bool, (batch, planes, 4, y / 2, x / 2)
        True for one of the four pixels of each window.
    """
    maxima = nn.functional.max_pool2d(features, 2)
    least = (maxima - RELATIVE * maxima.abs() - ABSOLUTE).detach()
    places: list[torch.Tensor] = []
    taken = torch.zeros_like(least, dtype=torch.bool)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        here = (features[:, :, row::2, column::2] >= least) & ~taken
        taken = taken | here
        places.append(here)
    return maxima, torch.stack(places, dim=2)


def unpool(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return values (batch, planes, y, x) at their places on the grid of twice the size, zeros around them."""
    return nn.functional.pixel_shuffle((values[:, :, None] * places).flatten(1, 2), 2)
