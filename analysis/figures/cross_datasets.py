"""Heat map of the train-arm x test-dataset matrix: what an arm loses on a dataset it was not trained on."""

from analysis.figure import FigureResult
from analysis.figure_parts.cross_map import TITLES, cross_maps, left_out_maps
from analysis.results import Results

NAME = "cross_datasets"
TITLE = TITLES["dataset"]


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return a figure per metric, trainer and structure.

    Raises
    ------
    NotApplicableError
        If no arm is tested on a dataset it was not trained on.
    """
    return cross_maps(results, name=NAME, by="dataset")


def left_out(results: Results) -> dict[str, str]:
    """Return the names of the figures that have nothing to show, each with the reason."""
    return left_out_maps(results, name=NAME, by="dataset")
