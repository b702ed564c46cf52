"""Measured MTF curves as CSV: a scanner's transfer with one kernel, from a phantom or a maker's data sheet."""

import hashlib
from pathlib import Path

import numpy as np

from dataset_converters.errors import ConversionError
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
        finite, negative, or not 1 at frequency 0, or an end below 3 lp/cm while 2 % are still transferred.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _fault(path, f"{path.stat().st_size} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise _fault(path, error.strerror or type(error).__name__) from None
    lines = [line for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    header, *rows = [line for line in lines if not line.lstrip().startswith("#")] or [""]
    unit = UNITS_PER_MM.get(_cells(header)[0].lower())
    if unit is None or [name.lower() for name in _cells(header)[1:]] != ["mtf"]:
        raise _fault(path, "another header")
    try:
        table = np.array([[float(cell) for cell in _cells(row)] for row in rows], float).reshape(-1, 2)
    except ValueError:  # its words are those of the file, which may name a person
        raise _fault(path, "rows that are not two numbers") from None
    frequency, mtf = table[:, 0] * unit, table[:, 1]
    if found := _curve_fault(frequency, mtf):
        raise _fault(path, found)
    return MtfCurve(f"MTF curve {hashlib.sha256(content).hexdigest()[:8]}", frequency, mtf)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


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
    if frequency_per_mm[-1] < REACH_PER_MM and mtf[-1] > NOTHING_LEFT:
        return f"a curve that ends at {10 * frequency_per_mm[-1]:.3g} lp/cm with an MTF of {mtf[-1]:.2g}"
    return ""


def _fault(path: Path, found: str) -> ConversionError:
    wanted = (
        f"a CSV file with the header cycles/mm,mtf or lp/cm,mtf and {_FEWEST} to {_MOST} points"
        f" from 0 (where the MTF is 1) to {10 * REACH_PER_MM:g} lp/cm or more, or to an MTF of {NOTHING_LEFT}"
    )
    return ConversionError("MTF file", shown_name(path), found=found, wanted=wanted, action="correct the file")
