"""Measured MTF curves as CSV: a scanner's transfer with one kernel, from a phantom or a maker's data sheet."""

import hashlib
from pathlib import Path

import numpy as np

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.file_content import FileContentError, read_small_file
from dataset_converters.physics.mtf_curve import NOTHING_LEFT, MtfCurve
from dataset_converters.privacy.shown_name import shown_name

UNITS_PER_MM = {
    "frequency_per_mm": 1.0,
    "cycles/mm": 1.0,
    "lp/mm": 1.0,
    "frequency_per_cm": 0.1,
    "cycles/cm": 0.1,
    "lp/cm": 0.1,
}
"""What the header may call the frequency, and what that is in cycles/mm."""
REACH_PER_MM = 0.3
"""A curve has to be known so far, or to fall to nothing before."""
HALF_LIMITS_PER_MM = (0.1, 1.5)
"""Where the MTF of a CT falls to a half: from smooth kernels of old scanners to bone kernels of the finest pixels."""
_HALF = 0.5
_COLUMNS = 2
_AT_ZERO_TOLERANCE = 0.02
_FEWEST, _MOST = 5, 4096
_LARGEST_BYTES = 2**20
_LARGEST_MTF = 10.0


def read_mtf_file(path: Path) -> MtfCurve:
    """Read a curve from a CSV file with the header ``cycles/mm,mtf`` or ``lp/cm,mtf``; lines with # are remarks.

    The curve is named after the content, never after the file.

    Raises
    ------
    ConversionError
        Not readable, another header, or not a transfer: frequencies that do not rise from 0, values that are not
        finite, negative, or not 1 at frequency 0, an end below 3 lp/cm while 2 % are still transferred, or a half at
        a frequency that no CT has, as when the unit is not that of the header.
    """
    try:
        content = read_small_file(path, largest_bytes=_LARGEST_BYTES)
    except FileContentError as error:
        raise _fault(path, str(error)) from None
    lines = [line for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    header, *rows = [line for line in lines if not line.lstrip().startswith("#")] or [""]
    unit = UNITS_PER_MM.get(_cells(header)[0].lower())
    if unit is None or [name.lower() for name in _cells(header)[1:]] != ["mtf"]:
        raise _fault(path, f"another header{_delimiter_fault(header)}")
    wrong = next((row for row in rows if len(_cells(row)) != _COLUMNS), None)
    try:
        if wrong is not None:
            raise ValueError
        table = np.array([_cells(row) for row in rows], dtype=float).reshape(-1, _COLUMNS)
    except ValueError:  # its words are those of the file, which may name a person
        raise _fault(path, f"rows that are not two numbers{_delimiter_fault(wrong or '')}") from None
    frequency, mtf = table[:, 0] * unit, table[:, 1]
    if found := _curve_fault(frequency, mtf):
        raise _fault(path, found)
    return MtfCurve(f"MTF curve {hashlib.sha256(content).hexdigest()[:8]}", frequency, mtf)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


def _delimiter_fault(line: str) -> str:
    """Return how the values of a line are set apart, if not by a comma."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ('"', "quotation marks"), ("'", "quotation marks")):
        if mark in line:
            return f" with {name} (wanted values set apart by a comma, with a decimal point)"
    if line.rstrip().endswith(","):
        return " with a comma at its end"
    if len(_cells(line)) == 2 * _COLUMNS:
        return f" with {2 * _COLUMNS} values between commas (a decimal comma? wanted a decimal point)"
    return ""


def _curve_fault(frequency_per_mm: np.ndarray, mtf: np.ndarray) -> str:
    if not _FEWEST <= len(mtf) <= _MOST:
        return f"{len(mtf)} points"
    if not (np.isfinite(frequency_per_mm).all() and np.isfinite(mtf).all()):
        return "values that are not finite"
    if frequency_per_mm[0] != 0 or (np.diff(frequency_per_mm) <= 0).any():
        return "frequencies that do not rise from 0"
    if abs(mtf[0] - 1.0) > _AT_ZERO_TOLERANCE:
        return f"an MTF of {mtf[0]:.4g} at frequency 0 (wanted 1: no per cent, divided by its first value)"
    if (mtf < 0).any() or (mtf > _LARGEST_MTF).any():
        return f"an MTF from {mtf.min():.4g} to {mtf.max():.4g}"
    if fault := _unit_fault(frequency_per_mm, mtf):
        return fault
    if frequency_per_mm[-1] < REACH_PER_MM and mtf[-1] > NOTHING_LEFT:
        return f"a curve that ends at {10 * frequency_per_mm[-1]:.3g} lp/cm with an MTF of {mtf[-1]:.2g}"
    return ""


def _unit_fault(frequency_per_mm: np.ndarray, mtf: np.ndarray) -> str:
    """Return what is wrong with a curve that no CT has: one of another unit, or none at all."""
    if mtf[1] <= NOTHING_LEFT:
        return f"a curve that falls to {mtf[1]:.2g} at once, at {10 * frequency_per_mm[1]:.3g} lp/cm"
    if np.ptp(mtf) <= _AT_ZERO_TOLERANCE and frequency_per_mm[-1] >= REACH_PER_MM:
        return "a curve that does not fall"
    below = mtf < _HALF
    half = _half_frequency(frequency_per_mm, mtf) if below.any() else float(frequency_per_mm[-1])
    low, high = HALF_LIMITS_PER_MM
    limits = f"{10 * low:g} to {10 * high:g} lp/cm for a CT"
    if half > high:
        return f"a half at {10 * half:.3g} lp/cm or above ({limits}): values in lp/cm under a header of cycles/mm?"
    if below.any() and half < low:
        return f"a half at {10 * half:.3g} lp/cm ({limits}): values in cycles/mm under a header of lp/cm?"
    return ""


def _half_frequency(frequency_per_mm: np.ndarray, mtf: np.ndarray) -> float:
    last = int(np.argmax(mtf < _HALF))
    pair = [last, last - 1]
    return float(np.interp(_HALF, mtf[pair], frequency_per_mm[pair]))


def _fault(path: Path, found: str) -> ConversionError:
    wanted = (
        f"a CSV file with the header cycles/mm,mtf or lp/cm,mtf and {_FEWEST} to {_MOST} points"
        f" from 0 (where the MTF is 1) to {10 * REACH_PER_MM:g} lp/cm or more, or to an MTF of {NOTHING_LEFT}"
    )
    return ConversionError("MTF file", shown_name(path), found=found, wanted=wanted, action="correct the file")
