"""Stationary velocity fields: their exponential, which is smooth and has an exact inverse."""

from collections.abc import Sequence

import torch

from dataset_converters.registration.sampling import sample


def exponential(
    velocity_mm: torch.Tensor, points_mm: torch.Tensor, extent_mm: Sequence[float], *, squarings: int
) -> torch.Tensor:
    """Return the displacement of ``exp(v)``, mm: scaling and squaring (Arsigny et al. 2006, MICCAI, section 3).

    ``exp(-v)``, got by changing the sign of ``v``, is its inverse; what is left of a round trip is interpolation.

    Parameters
    ----------
    velocity_mm : tensor (D, *shape)
        Along the array's axes, on voxels that fill a box of ``extent_mm``.
    points_mm : tensor (D, *shape)
        Centres of those voxels.
    squarings : int
        The field is divided by two to this power, then composed with itself as often.
    """
    displacement = velocity_mm / 2.0**squarings
    for _ in range(squarings):
        displacement = displacement + sample(displacement, points_mm + displacement, extent_mm, pad="border")
    return displacement
