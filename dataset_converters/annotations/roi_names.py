"""Names of structures as planning systems write them: ``Lung_L``, ``Left Lung`` and ``lung-left`` are one."""

import re
from collections.abc import Sequence

from dataset_converters.privacy.known_texts import shown_texts

_PARTS = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SIDES = {"l": "left", "lt": "left", "r": "right", "rt": "right"}


def find_roi(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Return the one name that is one of the wanted ones, None if there is none.

    A name written exactly as wanted goes before one that only means the same. Case, blanks, ``_ - .``, the order of
    words and ``L``/``Lt``/``Left``, ``R``/``Rt``/``Right`` do not count; every other word and number does
    (``Lungs`` is not ``Lung``, ``GTV-1`` is not ``GTV``).

    Parameters
    ----------
    names : sequence of str
        All names in the file.
    wanted : sequence of str
        Alternatives for one structure.

    Raises
    ------
    ValueError
        Several names fit: text for the ``found`` of a `ConversionError`.
    """
    exact = {text.strip() for text in wanted}
    found = [name for name in names if name.strip() in exact]
    if not found:
        meant = {plain_name(text) for text in wanted}
        found = [name for name in names if plain_name(name) and plain_name(name) in meant]
    if len(found) > 1:
        raise ValueError(f"{len(found)} that mean {shown_texts(wanted)}: {shown_texts(found)}")
    return found[0] if found else None


def plain_name(text: str) -> tuple[str, ...]:
    """Return the words of a name, sorted, in lower case, sides written out; empty if it has none."""
    words = [word.lower() for part in _PARTS.findall(text) for word in _HUMP.split(part)]
    return tuple(sorted(_SIDES.get(word, word.lstrip("0") or word) for word in words))
