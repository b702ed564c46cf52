"""Heat map of the train-arm x test-variant matrix: what an arm loses on a kernel it was not trained on."""

from analysis.figure import FigureResult
from analysis.figure_parts.cross_map import TITLES, cross_maps, left_out_maps
from analysis.results import Results

NAME = "cross_kernels"
TITLE = TITLES["variant"]


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return a figure per metric, trainer and structure, with a heat map per test dataset.

    Raises
    ------
    NotApplicableError
        If no arm is tested on a variant it was not trained on.
    """
    return cross_maps(results, name=NAME, by="variant")


def left_out(results: Results) -> dict[str, str]:
    """Return the names of the figures that have nothing to show, each with the reason."""
    return left_out_maps(results, name=NAME, by="variant")
