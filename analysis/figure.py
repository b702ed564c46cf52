"""What a figure file returns: the drawing, the numbers it shows, and its caption."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class FigureResult:
    """A figure under its file name; ``frame`` holds what it shows, ``caption`` how to read it."""

    name: str
    figure: Figure
    frame: pd.DataFrame
    caption: str


def figure_name(name: str, *parts: str) -> str:
    """Return a file name: the figure's name and the parts that are not empty, hyphens for odd characters."""
    words = ["".join(letter if letter.isalnum() else " " for letter in part) for part in parts]
    return "_".join([name, *("-".join(word.split()) for word in words if word.strip())])


def caption_of(title: str, *parts: str, text: str) -> str:
    """Return a caption: the figure's title with the parts that are not empty, then the text."""
    words = ", ".join(part for part in parts if part)
    return f"{title} ({words}). {text}" if words else f"{title}. {text}"


def sheet_names(name: str, sheets: Sequence[object]) -> list[str]:
    """Return a file name for each sheet of a figure, numbered if there are several."""
    return [name] if len(sheets) == 1 else [f"{name}_sheet{number}" for number in range(1, len(sheets) + 1)]
