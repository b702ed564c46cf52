"""Kernel files: a conversion between two kernels as JSON that can be passed on; it holds spectra and no image."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_converters.atomic import write_json
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.file_content import FileContentError, read_small_file
from dataset_converters.kernels.fitted_pair import FittedPair
from dataset_converters.kernels.kernel_file_checks import is_plain_name, pair_fault, table_fault
from dataset_converters.physics.conversion import Conversion
from dataset_converters.privacy.shown_name import shown_name

FORMAT = "ctshift-kernel-conversion-1"
_TABLES = ("frequency_per_mm", "gain", "source_noise", "added_noise")
_LARGEST_BYTES = 4 * 2**20
_FADE_PER_MM, _FADE_STEPS = 0.08, 8
_NOTHING = 1e-3


@dataclass(frozen=True)
class KernelFile:
    """What a kernel file holds: the conversion, and the pair it was fitted on."""

    conversion: Conversion
    pair: FittedPair


def write_kernel_file(
    path: Path, conversion: Conversion, *, facts: Mapping[str, Any], pair: FittedPair | None = None
) -> None:
    """Write a conversion with what it rests on (``facts``: model, slices, coherence...) and the pair it is from."""
    tables = {name: np.round(getattr(conversion, name), 8).tolist() for name in _TABLES}
    content = {
        "format": FORMAT,
        "source": conversion.source,
        "target": conversion.target,
        "valid_per_mm": list(conversion.valid_per_mm),
        "folded": conversion.folded,
        **tables,
        "facts": dict(facts) | (pair or FittedPair()).as_facts(),
    }
    write_json(path, content)


def read_kernel_file(path: Path) -> Conversion:
    """Read the conversion of a kernel file, see `read_fitted_file`."""
    return read_fitted_file(path).conversion


def read_fitted_file(path: Path) -> KernelFile:
    """Read a conversion and the pair it was fitted on.

    A table that ends with a gain is continued by half a cosine to 0 over 0.8 lp/cm: smaller pixels than those of the
    pair hold detail that the pair does not tell about, and the last gain would amplify it.

    Raises
    ------
    ConversionError
        The file is no kernel file, its tables are not those of two reconstructions of a CT, or a name in it is not
        of the plain characters that may stand beside an image.
    """
    try:
        content = _parsed(path)
        tables = [np.array(content[name], dtype=float) for name in _TABLES]
        low, high = (float(value) for value in content["valid_per_mm"])
        names, folded, facts = (content["source"], content["target"]), content["folded"], content.get("facts", {})
    except FileContentError as error:
        raise _fault(path, str(error)) from None
    except (KeyError, TypeError, ValueError, OverflowError):  # their words are those of the file
        raise _fault(path, "entries that are absent or no numbers") from None
    if not isinstance(folded, bool) or not all(is_plain_name(name) for name in names):
        raise _fault(path, "a folded that is not true or false, or names of other than short plain text")
    if fault := table_fault(tables, (low, high)) or pair_fault(facts):
        raise _fault(path, fault)
    frequency, gain, source_noise, added_noise = _faded(tables)
    conversion = Conversion(*names, frequency, gain, source_noise, added_noise, (low, high), folded=folded)
    return KernelFile(conversion, FittedPair.from_facts(facts))


def replaceable_fault(path: Path) -> str:
    """Return what lies at a path if it is neither nothing nor a kernel file, which a new one may replace."""
    if path.is_symlink():
        return "a link"
    if not path.exists():
        return ""
    try:
        _parsed(path)
    except FileContentError:
        return "something that is no kernel file"
    return ""


def _parsed(path: Path) -> dict[str, Any]:
    raw = read_small_file(path, largest_bytes=_LARGEST_BYTES)
    try:
        content = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise FileContentError("no JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileContentError("JSON of another format")
    return content


def _faded(tables: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    frequency, gain, *powers = tables
    if abs(gain[-1]) <= _NOTHING:
        return tables
    beyond = np.arange(1, _FADE_STEPS + 1) / _FADE_STEPS
    fade = 0.5 * (1.0 + np.cos(np.pi * beyond))
    longer = [np.append(frequency, frequency[-1] + _FADE_PER_MM * beyond), np.append(gain, gain[-1] * fade)]
    return [*longer, *(np.append(power, power[-1] * fade**2) for power in powers)]


def _fault(path: Path, found: str) -> ConversionError:
    wanted = f"a kernel file ({FORMAT}), as kernel-fit writes it"
    return ConversionError("kernel file", shown_name(path), found=found, wanted=wanted, action="fit the pair again")
