"""Mean, SD, median, quartiles and range of patient values, and how the papers print them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

QUARTILE_NOTE = "Quartiles are R's default, type 7 (linear between order statistics)."
NO_VALUE = "–"
NAN = float("nan")


@dataclass(frozen=True)
class Summary:
    """Distribution of one value per patient, unrounded; NaN without patients.

    ``n`` patients have a value; ``infinite`` of these are infinite. ``mean`` and ``sd`` (n - 1) are over the finite
    values only, median, quartiles and range over all.
    """

    n: int
    mean: float
    median: float
    q1: float
    q3: float
    min: float
    max: float
    sd: float = NAN
    infinite: int = 0


def summarise(values: npt.ArrayLike) -> Summary:
    """Return the distribution of the values; NaN are ignored, so count them before.

    An infinite value is a missed surface distance: it stays in ``n``, the median, the quartiles and the range, which
    may become infinite, but has no mean; so ``mean`` and ``sd`` are over the finite values, and a table that prints
    them prints ``infinite`` too. ``sd`` is NaN with fewer than two finite values.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    sample = sample[~np.isnan(sample)]
    if len(sample) == 0:
        return Summary(0, NAN, NAN, NAN, NAN, NAN, NAN)
    finite = sample[np.isfinite(sample)]
    q1, median, q3 = (_quantile(sample, share) for share in (0.25, 0.5, 0.75))
    return Summary(
        n=len(sample), mean=float(finite.mean()) if len(finite) else NAN,
        median=median, q1=q1, q3=q3, min=float(sample[0]), max=float(sample[-1]),
        sd=float(finite.std(ddof=1)) if len(finite) > 1 else NAN, infinite=len(sample) - len(finite),
    )  # fmt: skip


def format_summary(summary: Summary, *, decimals: int = 2) -> str:
    """Return ``median (q1, q3) [min–max]``, for example ``0.62 (0.54, 0.69) [0.27–0.90]`` (Hoang-Thi et al. 2021)."""
    if summary.n == 0:
        return NO_VALUE
    median, q1, q3, low, high = (
        f"{value:.{decimals}f}" for value in (summary.median, summary.q1, summary.q3, summary.min, summary.max)
    )
    return f"{median} ({q1}, {q3}) [{low}–{high}]"


def format_median_iqr(summary: Summary, *, brackets: Literal["square", "round"] = "square", decimals: int = 2) -> str:
    """Return ``58 [48–67]`` (Chassagnon et al. 2020, Table 1) or, with round brackets, ``0.74 (0.65–0.79)`` (Table 2).

    Their Table 1 prints age and predicted lung function without decimals and extent with one; Table 2 with two.
    """
    if summary.n == 0:
        return NO_VALUE
    median, q1, q3 = (f"{value:.{decimals}f}" for value in (summary.median, summary.q1, summary.q3))
    return f"{median} [{q1}–{q3}]" if brackets == "square" else f"{median} ({q1}–{q3})"


def format_mean_sd(mean: float, sd: float, decimals: int = 2, *, spaced: bool = True, trimmed: bool = False) -> str:
    """Return ``96.74 ± 2.43`` (Lee et al. 2023, Tables 2 and 3; volumes and ratios with one decimal).

    Hofmanninger et al. 2020 print ``0.98±0.03`` (``spaced=False``) and drop trailing zeros of distances:
    ``3.14±7.4``, ``16.8±36.57``, ``9.41±15.0`` (``trimmed=True``; one decimal stays).
    """
    if np.isnan(mean):
        return NO_VALUE
    numbers = [f"{value:.{decimals}f}" for value in (mean, sd)]
    if np.isnan(sd):
        numbers[1] = NO_VALUE
    if trimmed:
        numbers = [_trim(number) for number in numbers]
    return (" ± " if spaced else "±").join(numbers)


def format_count(count: int, total: int) -> str:
    """Return ``137 (80)``, count and rounded percent (Chassagnon et al. 2020, Table 1); ``0`` has no percent."""
    if total == 0:
        return NO_VALUE
    return f"{count} ({100 * count / total:.0f})" if count else "0"


def _quantile(ordered: npt.NDArray[np.float64], share: float) -> float:
    """Return the type 7 quantile; unlike NumPy's it is not NaN between equal infinite values."""
    place = (len(ordered) - 1) * share
    low, high = float(ordered[int(np.floor(place))]), float(ordered[int(np.ceil(place))])
    return low if low == high else low + (place - np.floor(place)) * (high - low)


def _trim(number: str) -> str:
    """Return a printed number without trailing zeros, but with one decimal."""
    trimmed = number.rstrip("0") if "." in number else number
    return f"{trimmed}0" if trimmed.endswith(".") else trimmed
