"""Which ink can be read on a colour."""

from collections.abc import Sequence

DARK, LIGHT = "#000000", "#FFFFFF"


def readable_ink(colour: Sequence[float]) -> str:
    """Return black or white, whichever contrasts more with a colour (red, green, blue from 0 to 1)."""
    luminance = relative_luminance(colour)
    return DARK if contrast(luminance, 0.0) >= contrast(luminance, 1.0) else LIGHT


def relative_luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of an sRGB colour (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: float, second: float) -> float:
    """Return the contrast ratio of two relative luminances: 1 to 21, text needs 4.5 (WCAG 2.2)."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)
