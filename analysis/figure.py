"""What a figure file returns: the drawing, the numbers it shows, and its caption."""

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
    """Return a file name: the figure's name and the parts that are not empty, without odd characters."""
    words = ["".join(letter if letter.isalnum() else "-" for letter in part) for part in parts if part]
    return "_".join([name, *words])
