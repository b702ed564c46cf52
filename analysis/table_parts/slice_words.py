"""What tables say about the slices a test set is scored on."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.study import Study

SLICES = {"reader": "annotated slices", "lung": "lung slices", "all": "all slices"}


def by_slices(study: Study, values: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each choice of slices among the test sets, in the study's order, with its aggregated values."""
    choices = {entry.name: entry.slices for entry in study.test_sets}
    of_row = values["test_set"].map(choices)
    for chosen in dict.fromkeys(choices.values()):
        yield chosen, values[of_row.eq(chosen)]
