"""What a conversion notes on pairs whose headers do not fully show one acquisition."""

from collections.abc import Sequence

from dataset_converters.records import Case

SAME_ACQUISITION = "same_acquisition"
"""Covariate with the `Match.grade` of a case's pair."""

_LACK = {
    "fair": "the headers of both series give no acquisition number and no time",
    "weak": "the headers do not show one acquisition; an annotation may not fit the other series",
}
_SHOWN = 3


def evidence_notes(cases: Sequence[Case]) -> tuple[str, ...]:
    """Return a sentence for every grade below strong, with the number of cases and the first of them."""
    notes = []
    for grade, lack in _LACK.items():
        names = [case.case for case in cases if case.covariates.get(SAME_ACQUISITION) == grade]
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            notes.append(f"{len(names)} cases ({shown}) with {grade} evidence of one acquisition: {lack}")
    return tuple(notes)
