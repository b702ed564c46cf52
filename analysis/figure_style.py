"""How figures look: journal widths, a colour-blind safe palette, and settings applied only while drawing."""

from typing import Any

COLUMN_MM = 85.0
PAGE_MM = 175.0
PAGE_HEIGHT_MM = 235.0
"""One and two columns of a journal page, and its height without the caption."""
SMALL_POINTS = 7.0
TEXT_POINTS = 7.5
"""No text is smaller than ``SMALL_POINTS``."""
MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH

ARM_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#4D4D4D")
"""Okabe and Ito, Color Universal Design, 2008; the strongest contrasts first, a dark grey for their black, and without
their yellow, which is too pale for lines on white."""
BASELINE_COLOUR = "#8A8A8A"
READER_COLOUR = "#56B4E9"
PREDICTION_COLOUR = "#E69F00"
COVERED_COLOUR = "#F0E442"
UNCOVERED_COLOUR = "#D55E00"
GRID_COLOUR = "#E3E3E3"
INK = "#222222"
SOFT_INK = "#555555"

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_POINTS,
    "axes.titlesize": TEXT_POINTS,
    "axes.labelsize": TEXT_POINTS,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "xtick.labelsize": SMALL_POINTS,
    "ytick.labelsize": SMALL_POINTS,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": SMALL_POINTS,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "ctshift",
    "svg.fonttype": "path",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
