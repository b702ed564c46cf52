"""The lung-kernel and the mediastinal-kernel series of one acquisition."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from dataset_converters.dicom.series import DicomSeries, Tilt, group_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.acquisition import compare_acquisitions
from dataset_converters.kernels.candidates import Candidate, Pair, best_pairs, find_candidates, possible_pairs
from dataset_converters.kernels.names import KernelTable

OtherGrid = Literal["refuse", "transfer"]
Evidence = Literal["shown", "weak"]

_SHOWN = 6


def find_kernel_pair(
    files: Iterable[Path],
    *,
    table: KernelTable,
    dataset: str,
    case: str,
    other_grid: OtherGrid = "refuse",
    tilt: Tilt = "refuse",
    evidence: Evidence = "shown",
) -> tuple[DicomSeries, DicomSeries]:
    """Return the sharp and the soft CT series that `find_pair` finds, with ``kernel_class`` as a fact."""
    pair = find_pair(
        files, table=table, dataset=dataset, case=case, other_grid=other_grid, tilt=tilt, evidence=evidence
    )
    return pair.sharp_series, pair.soft_series


def find_pair(
    files: Iterable[Path],
    *,
    table: KernelTable,
    dataset: str,
    case: str,
    other_grid: OtherGrid = "refuse",
    tilt: Tilt = "refuse",
    evidence: Evidence = "shown",
) -> Pair:
    """Return the sharp and the soft CT series of one acquisition, checked, and how strongly their headers match.

    Localizers, dose reports, objects other than CT, and kernels that are neither sharp nor soft are left out. One
    acquisition: the same StudyInstanceUID, FrameOfReferenceUID, AcquisitionNumber, AcquisitionDate, overlapping
    AcquisitionTime, the same kVp and overlapping exposure, as far as both series give them; the first two must be
    given. Of several pairs of one acquisition those on one grid come first, then the thinnest slices; what is still
    ambiguous is refused.

    Parameters
    ----------
    other_grid : str
        ``refuse`` a pair whose series have different slice positions, pixel spacing or fields of view; or return it,
        to ``transfer`` the annotation (`transfer_labels`).
    tilt : str
        See `read_dicom_series`.
    evidence : str
        ``shown``: refuse a pair whose series do not both give the same StudyInstanceUID and FrameOfReferenceUID;
        ``weak``: take it if nothing contradicts.

    Raises
    ------
    ConversionError
        No sharp or no soft series by the kernel table; attributes that contradict one acquisition; several pairs that
        the rule does not decide between; weak evidence, unless allowed; different grids, unless they are to be
        transferred; a series of the pair that is not one uniform stack.
    """
    groups = group_dicom_series(files, dataset=dataset, case=case)
    candidates = find_candidates(groups, table=table, dataset=dataset, case=case, tilt=tilt)
    pair = choose_pair(candidates, dataset=dataset, case=case, evidence=evidence)
    difference = pair.grid_difference
    if difference is not None and other_grid == "refuse":
        raise ConversionError(
            dataset,
            case,
            found=f"a pair whose soft series has {difference[0]}",
            wanted=f"the sharp series' {difference[1]}",
            action="reconstruct both kernels on one grid, or choose to transfer the annotation (other_grid=transfer)",
        )
    return replace(
        pair,
        sharp_series=replace(pair.sharp_series, facts={**pair.sharp_series.facts, "kernel_class": "sharp"}),
        soft_series=replace(pair.soft_series, facts={**pair.soft_series.facts, "kernel_class": "soft"}),
    )


def choose_pair(candidates: Sequence[Candidate], *, dataset: str, case: str, evidence: Evidence = "shown") -> Pair:
    """Return the one pair among candidates by the rule of `find_pair`, or refuse, naming what was found."""
    pairs = best_pairs(possible_pairs(candidates))
    if len(pairs) == 1 and (evidence == "weak" or pairs[0].match.grade != "weak"):
        return pairs[0]
    if len(pairs) == 1:
        raise ConversionError(
            dataset,
            case,
            found=f"a pair with weak evidence of one acquisition ({pairs[0].match.evidence})",
            wanted="the same StudyInstanceUID and FrameOfReferenceUID in both series",
            action="export both series with whole headers, or allow it if you know they are one (evidence=weak)",
        )
    if pairs:
        raise ConversionError(
            dataset,
            case,
            found=f"{len(pairs)} pairs between which nothing decides: {_listed(pairs)}",
            wanted="1 pair; of several of one acquisition, one alone on one grid or with the thinnest slices",
            action="take the other series out of the folder, or class their kernels as medium in a table of your own",
        )
    raise _no_pair(candidates, dataset, case)


def _no_pair(candidates: Sequence[Candidate], dataset: str, case: str) -> ConversionError:
    by_class = {name: [c for c in candidates if c.kernel_class == name] for name in ("sharp", "soft")}
    for series in by_class.values():
        if series and not any(candidate.series for candidate in series):
            fault: ConversionError | None = series[0].fault
            assert fault is not None
            return fault
    if by_class["sharp"] and by_class["soft"]:
        return ConversionError(
            dataset,
            case,
            found=f"a sharp and a soft series of {_contradictions(by_class['sharp'], by_class['soft'])}",
            wanted="two reconstructions of one acquisition",
            action="put the two series of one acquisition into the patient's folder",
        )
    unclassed = any(candidate.kernel_class not in by_class for candidate in candidates)
    return ConversionError(
        dataset,
        case,
        found=_listed(candidates) or "no CT series",
        wanted="1 sharp and 1 soft series",
        action="name the code in a table of your own (option kernel_table), or take the case out"
        if unclassed
        else "put both series of the pair into the patient's folder",
    )


def _contradictions(sharp: Sequence[Candidate], soft: Sequence[Candidate]) -> str:
    texts = {text for a in sharp for b in soft for text in compare_acquisitions(a.acquisition, b.acquisition).differing}
    return ", ".join(sorted(texts)[:_SHOWN])


def _listed(found: Sequence[Candidate | Pair]) -> str:
    texts = [str(one) for one in found]
    return "; ".join(texts[:_SHOWN]) + (f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
