"""What a kernel file may hold: bounds that every pair of CT kernels keeps, and names that identify nobody."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.kernel_fit import LOWEST_BAND_END_PER_MM
from dataset_converters.privacy.facts import fact_fault

LOWEST_END_PER_MM, HIGHEST_END_PER_MM = 0.3, 15.0
"""Where a table may end: beyond what tells kernels apart, and before the corner of the spectrum of 0.05 mm pixels."""
GAIN_LIMITS = (-0.5, 100.0)
"""Of fitted kernels the largest gain, B10f to B70f, is 58; a ratio below 0 is the scatter of what is not shared."""
LARGEST_ADDED_SD = 30.0
"""Largest SD of added noise over that of the source; of fitted kernels it is 7, B10f to B70f."""
LARGEST_POWER = 1e9
PIXEL_LIMITS_MM = (0.05, 5.0)
_FEWEST, _MOST = 2, 4096
_AT_ZERO_TOLERANCE = 0.05
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+()\\-]{0,63}")
_PAIR_NAMES = ("source_kernel", "target_kernel", "manufacturer")


def is_plain_name(text: Any) -> bool:
    """Tell whether a text may stand in the facts of an image: short, of plain characters, no date and no identifier."""
    return isinstance(text, str) and bool(_NAME.fullmatch(text)) and fact_fault({"kernel": text}) is None


def table_fault(tables: Sequence[NDArray[np.float64]], valid_per_mm: tuple[float, float]) -> str:
    """Return what is wrong with frequencies, gain, source noise and added noise (F,) each; empty if nothing is."""
    frequency, gain, *powers = tables
    if any(table.ndim != 1 or len(table) != len(frequency) for table in tables):
        return "tables of different or impossible lengths"
    if not _FEWEST <= len(frequency) <= _MOST:
        return f"tables of {len(frequency)} values"
    if not all(np.isfinite(table).all() for table in tables):
        return "tables with values that are not finite"
    if frequency[0] != 0 or (np.diff(frequency) <= 0).any():
        return "frequencies that do not rise from 0"
    if not LOWEST_END_PER_MM <= frequency[-1] <= HIGHEST_END_PER_MM:
        limits = f"{10 * LOWEST_END_PER_MM:g} to {10 * HIGHEST_END_PER_MM:g}"
        return f"frequencies that end at {10 * frequency[-1]:.3g} lp/cm, not at {limits}"
    return _band_fault(valid_per_mm, float(frequency[-1])) or _gain_fault(gain) or _noise_fault(frequency, *powers)


def pair_fault(facts: Any) -> str:
    """Return what is wrong with what a file says about its pair; empty if nothing is."""
    if not isinstance(facts, dict):
        return "facts that are no table"
    for name in _PAIR_NAMES:
        if facts.get(name, "") != "" and not is_plain_name(facts[name]):
            return f"a {name} of other than short plain text"
    pixel_mm = facts.get("pixel_mm")
    if pixel_mm is None:
        return ""
    if isinstance(pixel_mm, bool) or not isinstance(pixel_mm, int | float):
        return "a pixel_mm that is no number"
    low, high = PIXEL_LIMITS_MM
    return "" if low <= pixel_mm <= high else f"a pixel_mm that is not {low:g} to {high:g}"


def _band_fault(valid_per_mm: tuple[float, float], end_per_mm: float) -> str:
    low, high = valid_per_mm
    if not 0 <= low < high <= end_per_mm:
        return "a valid_per_mm that is not two rising frequencies of the table"
    if high < LOWEST_BAND_END_PER_MM:
        return f"a valid band that ends at {10 * high:.2f} lp/cm, below {10 * LOWEST_BAND_END_PER_MM:g}: no pair"
    return ""


def _gain_fault(gain: NDArray[np.float64]) -> str:
    if abs(gain[0] - 1.0) > _AT_ZERO_TOLERANCE:
        return "a gain that is not 1 at frequency 0"
    low, high = GAIN_LIMITS
    if gain.min() < low or gain.max() > high:
        return f"a gain from {gain.min():.3g} to {gain.max():.3g}, outside {low:g} to {high:g}"
    return ""


def _noise_fault(frequency_per_mm: NDArray[np.float64], source: NDArray[np.float64], added: NDArray[np.float64]) -> str:
    if min(source.min(), added.min()) < 0 or max(source.max(), added.max()) > LARGEST_POWER:
        return f"noise power that is not 0 to {LARGEST_POWER:g}"
    total = float((source * frequency_per_mm).sum())
    if total <= 0:
        return "source noise that is 0 everywhere"
    ratio = float(np.sqrt((added * frequency_per_mm).sum() / total))
    if ratio > LARGEST_ADDED_SD:
        return f"added noise of {ratio:.3g} times the source's SD, above {LARGEST_ADDED_SD:g}"
    return ""
