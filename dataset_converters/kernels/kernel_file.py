"""Kernel files: a conversion between two kernels as JSON that can be passed on; it holds spectra and no image."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dataset_converters.atomic import write_json
from dataset_converters.errors import ConversionError
from dataset_converters.physics.conversion import Conversion

FORMAT = "ctshift-kernel-conversion-1"
_TABLES = ("frequency_per_mm", "gain", "source_noise", "added_noise")
_LARGEST_BYTES = 4 * 2**20
_LONGEST = 4096


def write_kernel_file(path: Path, conversion: Conversion, *, facts: Mapping[str, Any]) -> None:
    """Write a conversion with what it rests on (``facts``: vendor, pixel size, slices, coherence...)."""
    tables = {name: np.round(getattr(conversion, name), 8).tolist() for name in _TABLES}
    content = {
        "format": FORMAT,
        "source": conversion.source,
        "target": conversion.target,
        "valid_per_mm": list(conversion.valid_per_mm),
        "folded": conversion.folded,
        **tables,
        "facts": dict(facts),
    }
    write_json(path, content)


def read_kernel_file(path: Path) -> Conversion:
    """Read a conversion.

    Raises
    ------
    ConversionError
        The file is no kernel file, or its tables are not finite, rising and of one length.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {str(content['format'])[:40]!r}")
        tables = [np.array(content[name], dtype=float) for name in _TABLES]
        low, high = (float(value) for value in content["valid_per_mm"])
        names = str(content["source"])[:40], str(content["target"])[:40]
        folded = bool(content["folded"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _fault(path, f"{type(error).__name__}: {str(error)[:80]}") from None
    if fault := _table_fault(tables):
        raise _fault(path, fault)
    frequency, gain, source_noise, added_noise = tables
    return Conversion(*names, frequency, gain, source_noise, added_noise, (low, high), folded=folded)


def _table_fault(tables: list[np.ndarray]) -> str:
    frequency, gain, *powers = tables
    if any(table.ndim != 1 or len(table) != len(frequency) for table in tables) or not 2 <= len(frequency) <= _LONGEST:
        return "tables of different or impossible lengths"
    if not all(np.isfinite(table).all() for table in tables):
        return "tables with values that are not finite"
    if frequency[0] != 0 or (np.diff(frequency) <= 0).any():
        return "frequencies that do not rise from 0"
    if abs(gain[0] - 1.0) > 0.05 or any((power < 0).any() for power in powers):
        return "a gain that is not 1 at frequency 0, or negative noise power"
    return ""


def _fault(path: Path, found: str) -> ConversionError:
    wanted = f"a kernel file ({FORMAT}), as kernel-fit writes it"
    return ConversionError("kernel file", path.name, found=found, wanted=wanted, action="fit the pair again")
