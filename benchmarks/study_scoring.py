"""Checks of the section ``[scoring]`` of a study, and of what test sets ask of it.

Metric names are checked when scoring starts: the metrics are part of the analysis, which a study file does not read.
"""

import math
from collections.abc import Mapping

from benchmarks.study import Scoring, Study
from benchmarks.study_names import (
    IDENTIFIER,
    RESERVED,
    StudyError,
    refuse_empty,
    refuse_repeats,
    refuse_unknown,
    wanted_name,
)


def check_scoring(study: Study) -> None:
    """Refuse names that disagree and numbers that make no sense.

    Raises
    ------
    StudyError
        Naming the key, what was found and the choices.
    """
    scoring = study.scoring
    for name in ("metrics", "slices", "dimensions"):
        refuse_empty(f"scoring.{name}", getattr(scoring, name))
    for name in ("metrics", "slices", "dimensions", "consensus"):
        refuse_repeats(f"scoring.{name}", getattr(scoring, name))
    _check_structures(study)
    known = [*study.structures, *scoring.unions, *scoring.references]
    for part in ("lung", "disease", "tumour"):
        refuse_unknown(f"scoring.{part}", [getattr(scoring, part)] if getattr(scoring, part) else [], known)
    _check_slices(study)
    if scoring.own_variant:
        tested = dict.fromkeys(variant for entry in study.test_sets for variant in entry.variants)
        refuse_unknown("scoring.own_variant", [scoring.own_variant], tested)
    if not 0 < scoring.nsd_tolerance_mm < math.inf:
        raise StudyError(f"[scoring.nsd_tolerance_mm] found {scoring.nsd_tolerance_mm}, wanted more than 0")


def scored_names(study: Study) -> tuple[str, ...]:
    """Return the structures that have values: trained ones, unions and averages."""
    return (*study.structures, *study.scoring.unions, *study.scoring.averages)


def _check_structures(study: Study) -> None:
    scoring = study.scoring
    made = [*study.structures, *scoring.unions, *scoring.averages, *scoring.references]
    refuse_repeats("scoring, whose unions, averages and references need names of their own", made)
    trained, averaged = list(study.structures), [*study.structures, *scoring.unions]
    _check_members("unions", scoring.unions, choices=trained)
    _check_members("averages", scoring.averages, choices=averaged)
    _check_members("references", scoring.references, choices=None)


def _check_members(where: str, structures: Mapping[str, tuple[str, ...]], *, choices: list[str] | None) -> None:
    for name, members in structures.items():
        wanted_name(f"scoring.{where}", name, IDENTIFIER)
        if name in RESERVED:
            raise StudyError(f"[scoring.{where}] {name}: wanted another name than {RESERVED}")
        refuse_empty(f"scoring.{where}.{name}", members)
        refuse_repeats(f"scoring.{where}.{name}", members)
        if choices is not None:
            refuse_unknown(f"scoring.{where}.{name}", members, choices)


def _check_slices(study: Study) -> None:
    scoring: Scoring = study.scoring
    if "lung" in scoring.slices and not scoring.lung:
        raise StudyError("[scoring.slices] 'lung' needs [scoring] lung: name the structure that is the lung")
    for entry in study.test_sets:
        if entry.slices not in scoring.slices:
            raise StudyError(
                f"[test_sets.{entry.name}.slices] found {entry.slices!r}, wanted one of [scoring] slices: "
                f"{', '.join(scoring.slices)}"
            )
