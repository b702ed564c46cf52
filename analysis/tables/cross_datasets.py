"""Train-dataset x test-dataset matrix: what each arm loses on datasets it was not trained on."""

from analysis.results import Results
from analysis.table import TableResult
from analysis.table_parts.cross_sections import cross_table

NAME = "cross_datasets"
TITLE = "Trained on one dataset, tested on another: value, loss against the training dataset, and tail"


def make(results: Results) -> TableResult:
    """Return, for each trainer and structure, a row per arm and a pair of columns per test dataset.

    Raises
    ------
    NotApplicableError
        If no arm is tested on a dataset it was not trained on: test sets say so with ``arms``.
    """
    return cross_table(results, by="dataset")
