"""Checks of the records a dataset file returns, before anything is read or written."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set

from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo

IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")
_READER_ACTION = "correct list_cases, or name another training reader, or exclude the case with a reason"


def case_list_faults(info: DatasetInfo, cases: Sequence[Case], *, training_reader: str) -> list[ConversionError]:
    """Return every fault of a list of cases; an empty list means that conversion can start.

    Refused: no case; identifiers that cannot be file names; two cases with one name (upper and lower case
    count as equal, as on some file systems); a patient with two roles; unknown variants; a case without images; a case
    without annotations or without the training reader, unless its role is ``test``; annotated slices of a reader
    without annotation.
    """
    if not cases:
        return [_fault(info, "", "no cases", "one at least", "check the root folder and the options")]
    faults = [_fault(info, *fault) for index, case in enumerate(cases) for fault in _name_faults(index, case)]
    if faults:
        return faults
    for case in cases:
        faults += [_fault(info, case.case, *fault) for fault in _content_faults(info, case, training_reader)]
    return faults + [_fault(info, *fault) for fault in (*_repeats(cases), *_mixed_roles(cases))]


def _fault(info: DatasetInfo, case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(info.name, case, found=found, wanted=wanted, action=action)


def _name_faults(index: int, case: Case) -> list[tuple[str, str, str, str]]:
    """Return the faulty names; only their foreign characters are shown, for they may be a person's name."""
    names = {"patient": [case.patient], "case": [case.case], "variant": list(case.images)}
    names["reader"] = [*case.annotations, *case.annotated_slices]
    return [
        (
            f"case {index + 1} of the list",
            f"a {kind} name {_foreign(name)}",
            "letters, digits and '_' only",
            "rename it in the dataset file",
        )
        for kind, texts in names.items()
        for name in texts
        if not IDENTIFIER.fullmatch(name)
    ]


def _foreign(name: str) -> str:
    characters = sorted(set(re.sub(IDENTIFIER, "", name)))
    return f"with the characters {' '.join(map(repr, characters))}" if characters else "that is empty"


def _content_faults(info: DatasetInfo, case: Case, training_reader: str) -> list[tuple[str, str, str]]:
    faults = []
    known = ", ".join(info.variants)
    for variant in case.images:
        if variant not in info.variants:
            faults.append((f"variant {variant!r}", f"one of {known}", "declare it in DATASET.variants"))
    if not case.images:
        faults.append(
            ("no image", f"one variant at least of {known}", "leave the case out, or exclude it with a reason")
        )
    readers = ", ".join(case.annotations) or "none"
    if not case.annotations and case.role != "test":
        wanted = "one reader at least (images alone: role 'test')"
        faults.append(("no annotation", wanted, "exclude the case with a reason"))
    elif case.annotations and training_reader and training_reader not in case.annotations and case.role != "test":
        faults.append((f"readers {readers}", f"the training reader {training_reader!r}", _READER_ACTION))
    for reader, slices in case.annotated_slices.items():
        if reader not in case.annotations:
            faults.append((f"annotated slices of {reader!r}", f"readers among {readers}", "correct list_cases"))
        if not slices or len(set(slices)) != len(slices):
            faults.append((f"slices {slices} of {reader!r}", "slice numbers, each once", "correct list_cases"))
    if case.role not in ("train", "test", ""):
        faults.append((f"role {case.role!r}", "'train', 'test' or ''", "correct list_cases"))
    return faults


def _repeats(cases: Sequence[Case]) -> list[tuple[str, str, str, str]]:
    counts = Counter(case.case.casefold() for case in cases)
    return [
        (name, f"{count} cases of this name (upper and lower case alike)", "one", "give every case its own name")
        for name, count in counts.items()
        if count > 1
    ]


def _mixed_roles(cases: Sequence[Case]) -> list[tuple[str, str, str, str]]:
    roles: dict[str, set[str]] = {}
    for case in cases:
        roles.setdefault(case.patient, set()).add(case.role)
    return [
        (f"patient {patient}", f"patient in {' and '.join(_words(found))}", "one role a patient", "correct the roles")
        for patient, found in roles.items()
        if len(found) > 1
    ]


def _words(roles: set[str]) -> list[str]:
    return sorted((role or "no role" for role in roles), reverse=True)


def exclusion_faults(info: DatasetInfo, names: Set[str], exclude: Mapping[str, str]) -> list[ConversionError]:
    """Return a fault for every excluded case that is not there (``names``: all case names) or has no reason."""
    faults = []
    for name, reason in exclude.items():
        if name not in names:
            found, wanted = f"an exclusion of {name!r}, which is no case", f"one of {', '.join(sorted(names)[:20])}"
            faults.append(_fault(info, name, found, wanted, "correct the name in exclude"))
        elif not str(reason).strip():
            faults.append(_fault(info, name, "an exclusion without a reason", "a reason", "say why in exclude"))
    return faults
