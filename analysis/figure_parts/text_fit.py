"""How wide a text is on paper, and breaking it to a width, so that labels of any length stay apart."""

from functools import lru_cache

from analysis.figure_style import POINTS_PER_MM, SMALL_POINTS

LINE_SPACING = 1.25


@lru_cache(maxsize=4096)
def text_width_mm(text: str, points: float = SMALL_POINTS, *, bold: bool = False) -> float:
    """Return the width of one line in the figures' font."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=points, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS_PER_MM


def line_height_mm(points: float = SMALL_POINTS) -> float:
    """Return the distance between two lines of text."""
    return points * LINE_SPACING / POINTS_PER_MM


def wrap(text: str, width_mm: float, *, points: float = SMALL_POINTS, bold: bool = False) -> str:
    """Return a text broken into lines no wider than a width; a word that is wider is broken itself.

    Line breaks of the text stay; a no-break space keeps what it joins on one line.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in filter(None, paragraph.split(" ")):
            longer = f"{line} {word}" if line else word
            if text_width_mm(longer, points, bold=bold) <= width_mm:
                line = longer
                continue
            lines += [line] if line else []
            *whole, line = _pieces(word, width_mm, points=points, bold=bold)
            lines += whole
        lines.append(line)
    return "\n".join(lines)


def lines_of(text: str) -> int:
    """Return the number of lines of a text; none for an empty one."""
    return text.count("\n") + 1 if text else 0


def block_width_mm(text: str, points: float = SMALL_POINTS) -> float:
    """Return the width of the widest line."""
    return max((text_width_mm(line, points) for line in text.split("\n")), default=0.0)


def number(value: float, digits: int) -> str:
    """Return a number with a typographic minus and without the sign of a zero: ``−0.03``, ``0.0``, ``∞``."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:.{digits}f}".replace("-", "−").replace("inf", "∞")


def _pieces(word: str, width_mm: float, *, points: float, bold: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width_mm(pieces[-1] + letter, points, bold=bold) > width_mm:
            pieces.append("")
        pieces[-1] += letter
    return pieces
