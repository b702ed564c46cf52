"""Which patients become templates: those least alike, by the energy it takes to register one to another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataset_converters.registration.errors import RegistrationError


def choose_templates(energies: NDArray[np.floating], count: int) -> tuple[int, ...]:
    """Return the most diverse ``count`` patients: the medoid, then each time the one farthest from those chosen.

    Farthest point traversal (Gonzalez 1985, Theor Comput Sci 38:293): its smallest energy between two templates is
    at least half of the best possible where energies are distances. AtlasNet's clinical paper (Chassagnon 2020) does
    not say how its six were picked among 17 patients; a typical one first, unlike ones next, is our choice. Of equal
    ones the first is taken.

    Parameters
    ----------
    energies : array (n, n)
        Of each pair, as from `energies.pairwise_energies`; made symmetric by the mean, the diagonal is ignored.
        NaN, for a pair that could not be registered, counts as the largest energy there is.

    Raises
    ------
    RegistrationError
        Not a square of 0 or more, or not 1 to n templates asked for.
    """
    values = np.asarray(energies, np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or (values < 0).any() or np.isinf(values).any():
        raise _fault(f"energies of shape {values.shape}", "a square of finite values of 0 or more")
    if not 1 <= count <= len(values):
        raise _fault(f"{count} templates of {len(values)} patients", f"1 to {len(values)}")
    off = ~np.eye(len(values), dtype=bool) & np.isfinite(values)
    filled = np.where(np.isnan(values), values[off].max() if off.any() else 0.0, values)
    apart = (filled + filled.T) / 2
    np.fill_diagonal(apart, 0.0)
    chosen = [int(np.argmin(apart.sum(axis=1)))]
    while len(chosen) < count:
        nearest = apart[:, chosen].min(axis=1)
        nearest[chosen] = -1.0
        chosen.append(int(np.argmax(nearest)))
    return tuple(chosen)


def named_templates(names: Sequence[str], patients: Sequence[str]) -> tuple[int, ...]:
    """Return the positions of templates given by name, in the order given.

    Raises
    ------
    RegistrationError
        None, one twice, or one who is no patient.
    """
    unknown = [name for name in names if name not in patients]
    if not names or unknown or len(set(names)) != len(names):
        found = f"templates {', '.join(unknown or names) or 'of no name'}"
        raise _fault(found, f"different ones of: {', '.join(patients)}")
    return tuple(list(patients).index(name) for name in names)


def _fault(found: str, wanted: str) -> RegistrationError:
    return RegistrationError("templates", found=found, wanted=wanted, action="correct the choice of templates")
