"""Which kind of image a variant is (native, emulated, learned, simulated): no number is made from two of them."""

import pandas as pd

from analysis.errors import AnalysisError
from benchmarks.study import Study
from benchmarks.study_kinds import kinds_on, mixed_kinds


def refuse_mixed_kinds(scores: pd.DataFrame, study: Study) -> None:
    """Refuse scores of which a test set or a pool would average images of two kinds.

    Raises
    ------
    AnalysisError
        Naming the test set or pool, the kinds and their variants.
    """
    if faults := mixed_kinds(study, kinds_of_variants(scores)):
        raise AnalysisError(f"scores: {'; '.join(faults)}")


def kinds_of_variants(rows: pd.DataFrame) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the kinds of each dataset's variants, of rows with ``dataset``, ``variant`` and ``variant_kind``."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    distinct = rows[["dataset", "variant", "variant_kind"]].drop_duplicates()
    for dataset, variant, kind in distinct.itertuples(index=False, name=None):
        if kind:
            found[dataset, variant] = (*found.get((dataset, variant), ()), str(kind))
    return found


def sets_by_kind(scores: pd.DataFrame, study: Study) -> dict[str, list[str]]:
    """Return the test sets of each kind of image, in the order of the study; those without scores with the first."""
    kinds = kinds_of_variants(scores)
    of_set = {entry.name: next(iter(kinds_on(entry, kinds)), "") for entry in study.test_sets}
    first = next((kind for kind in of_set.values() if kind), "")
    grouped: dict[str, list[str]] = {}
    for name, kind in of_set.items():
        grouped.setdefault(kind or first, []).append(name)
    return grouped
