"""Train-kernel x test-kernel matrix: what each arm loses on kernels (variants) it was not trained on."""

from analysis.results import Results
from analysis.table import TableResult
from analysis.table_parts.cross_sections import cross_table

NAME = "cross_kernels"
TITLE = "Trained on one kernel, tested on another: value, loss against the training kernel, and tail"


def make(results: Results) -> TableResult:
    """Return, for each trainer, structure and dataset, a row per arm and a pair of columns per variant.

    Raises
    ------
    NotApplicableError
        If no arm is tested on a variant it was not trained on.
    """
    return cross_table(results, by="variant")
