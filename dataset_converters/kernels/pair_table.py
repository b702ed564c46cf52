"""Which CT series of a folder of studies are kernel pairs, which are not, and why: a table to skim."""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np
import pydicom

from dataset_converters.dicom.headers import find_dicom_files, read_headers
from dataset_converters.dicom.tree import group_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.acquisition import compare_acquisitions
from dataset_converters.kernels.candidates import Candidate, Pair, best_pairs, find_candidates, possible_pairs
from dataset_converters.kernels.names import KernelTable
from dataset_converters.privacy.found_text import what_was_found
from dataset_converters.privacy.known_texts import known_model
from dataset_converters.volumes.grid import Grid, grid_difference

_NAME = "pairs"
_SAME_MM = 0.01
_HASH_SHOWN = 12


@dataclass(frozen=True)
class PairRow:
    """One pair, or one series without a partner. Patients are numbers: folders of the root in order of their names.

    Attributes
    ----------
    slices, spacing_mm : str
        Of the sharp series; and of the soft one where it differs.
    grids : str
        ``equal``, or what differs.
    verdict : str
        ``pair``, ``pair, fair evidence``, ``pair, weak evidence`` (see `Match.grade`; ``dicom_pairs`` takes weak ones
        only where told to), ``pair on two grids``, ``not chosen`` (another pair of the acquisition comes first),
        ``ambiguous``, ``alone``.
    kernel_table : str
        Start of the hash of the kernel table that classed the kernels.
    """

    patient: str
    study: int
    vendor: str
    model: str
    sharp: str
    soft: str
    slices: str
    spacing_mm: str
    grids: str
    evidence: str
    verdict: str
    reason: str
    kernel_table: str = ""


def list_pairs(folder: Path, *, table: KernelTable) -> tuple[PairRow, ...]:
    """Return a row for every pair and every CT series without one, below a folder of patients (or of one patient).

    Nothing is refused: a file that cannot be read, or a series that is not one uniform stack, is a row with the reason.
    """
    rows = []
    for number, files in enumerate(_patients(folder), start=1):
        patient = f"patient {number}"
        headers, unreadable = _readable_headers(files)
        rows += _patient_rows(patient, headers, table)
        if unreadable:
            rows.append(_row(patient, 0, verdict="alone", reason=f"{unreadable} files whose header cannot be read"))
    return tuple(replace(row, kernel_table=table.sha256[:_HASH_SHOWN]) for row in rows)


def format_pairs(rows: Sequence[PairRow]) -> str:
    """Return the rows as text: a line each, a count of every verdict and the kernel table below."""
    if not rows:
        return "no CT series"
    lines = [_line(row) for row in rows]
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.verdict] += 1
    summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return "\n".join([*lines, "", f"{summary} (kernel table {rows[0].kernel_table})"])


def pairs_to_csv(rows: Sequence[PairRow]) -> str:
    """Return the rows as CSV with a header line."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(PairRow)])
    writer.writerows(astuple(row) for row in rows)
    return stream.getvalue()


def grid_relation(one: Grid, other: Grid) -> str:
    """Return how two grids relate in words: ``equal``, or what differs."""
    if grid_difference(one, other) is None:
        return "equal"
    if float(np.abs(one.direction - other.direction).max()) > 1e-3:
        return "orientation differs"
    first, second = one.spacing_mm, other.spacing_mm
    parts = []
    if abs(first[2] - second[2]) > _SAME_MM:
        parts.append(f"slice distance differs ({first[2]:.4g} and {second[2]:.4g} mm)")
    widths = [
        tuple(float(n * mm) for n, mm in zip(g.size_xyz[:2], g.spacing_mm[:2], strict=True)) for g in (one, other)
    ]
    if max(abs(a - b) for a, b in zip(*widths, strict=True)) > first[0]:
        parts.append(f"field of view differs ({widths[0][0]:.4g} and {widths[1][0]:.4g} mm)")
    elif one.size_xyz[:2] != other.size_xyz[:2]:
        parts.append("pixel spacing differs")
    if not parts:
        count = one.size_xyz[2] != other.size_xyz[2]
        parts.append("number of slices differs" if count else "position of the voxels differs")
    return "; ".join(parts)


def _patients(folder: Path) -> list[list[Path]]:
    """Files of every subfolder that has DICOM files; files beside the subfolders are one more patient, the first."""
    files = find_dicom_files(folder)
    parts: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        inner = path.relative_to(folder).parts
        parts[inner[0] if len(inner) > 1 else ""].append(path)
    return [parts[name] for name in sorted(parts)]


def _readable_headers(files: Sequence[Path]) -> tuple[list[pydicom.Dataset], int]:
    headers: list[pydicom.Dataset] = []
    for path in files:
        try:
            headers += read_headers([path], dataset=_NAME, case="")
        except ConversionError:
            continue
    return headers, len(files) - len(headers)


def _patient_rows(patient: str, headers: Sequence[pydicom.Dataset], table: KernelTable) -> list[PairRow]:
    """Rows of a patient by study; a series whose study is not given may be paired with any, as `find_pair` does."""
    found = [series for series in group_series(headers) if series.modality == "CT"]
    candidates = find_candidates([list(s.headers) for s in found], table=table, dataset=_NAME, case="")
    studies = list(dict.fromkeys(series.study for series in found))
    study_of = {id(one): studies.index(series.study) + 1 for one, series in zip(candidates, found, strict=True)}
    pairs = possible_pairs(candidates)
    best = best_pairs(pairs)
    rows = [_pair_row(patient, study_of[id(pair.sharp)], pair, best) for pair in pairs]
    paired = {id(half) for pair in pairs for half in (pair.sharp, pair.soft)}
    for one in (candidate for candidate in candidates if id(candidate) not in paired):
        study = study_of[id(one)]
        rows.append(_alone_row(patient, study, one, [other for other in candidates if study_of[id(other)] == study]))
    return sorted(rows, key=lambda row: row.study)


def _pair_row(patient: str, study: int, pair: Pair, best: Sequence[Pair]) -> PairRow:
    grids = grid_relation(pair.sharp_series.grid, pair.soft_series.grid)
    verdict, reason = _verdict(pair, best, grids)
    return _row(
        patient,
        study,
        pair.sharp,
        sharp=pair.sharp.kernel,
        soft=pair.soft.kernel,
        slices=_both(len(pair.sharp.headers), len(pair.soft.headers)),
        spacing_mm=_both(_spacing(pair.sharp), _spacing(pair.soft)),
        grids=grids,
        evidence=pair.match.evidence,
        verdict=verdict,
        reason=reason,
    )


def _verdict(pair: Pair, best: Sequence[Pair], grids: str) -> tuple[str, str]:
    if not any(pair is chosen for chosen in best):
        return "not chosen", "another pair of the acquisition is on one grid, or has thinner slices"
    if any(other is not pair and (other.sharp is pair.sharp or other.soft is pair.soft) for other in best):
        return "ambiguous", "nothing decides between several pairs; leave one of them in the folder"
    if pair.match.grade == "weak":
        return "pair, weak evidence", "convert takes it only if allowed (evidence=weak)"
    if grids != "equal":
        return "pair on two grids", "the annotation must be transferred (other_grid=transfer)"
    return ("pair", "") if pair.match.grade == "strong" else ("pair, fair evidence", "")


def _alone_row(patient: str, study: int, candidate: Candidate, others: Sequence[Candidate]) -> PairRow:
    return _row(
        patient,
        study,
        candidate,
        sharp=candidate.kernel if candidate.kernel_class == "sharp" else "",
        soft=candidate.kernel if candidate.kernel_class == "soft" else "",
        slices=str(len(candidate.headers)),
        spacing_mm=_spacing(candidate),
        verdict="alone",
        reason=_why_alone(candidate, others),
    )


def _why_alone(candidate: Candidate, others: Sequence[Candidate]) -> str:
    if candidate.fault is not None:
        return what_was_found(candidate.fault)
    if candidate.kernel_class not in ("sharp", "soft"):
        return f"kernel {candidate.kernel}: {candidate.kernel_class}" if candidate.kernel else "no kernel given"
    wanted = "soft" if candidate.kernel_class == "sharp" else "sharp"
    partners = [other for other in others if other.kernel_class == wanted]
    if not partners:
        return f"no {wanted} series in the study"
    texts = {t for p in partners for t in compare_acquisitions(candidate.acquisition, p.acquisition).differing}
    return f"the {wanted} series of the study: {', '.join(sorted(texts)) or 'not one uniform stack'}"


def _row(patient: str, study: int, candidate: Candidate | None = None, **texts: str) -> PairRow:
    row = dict.fromkeys((field.name for field in fields(PairRow)[4:-1]), "")
    vendor = candidate.vendor if candidate else ""
    model = known_model(str(candidate.headers[0].get("ManufacturerModelName") or "")) if candidate else ""
    return PairRow(patient, study, vendor, model, **{**row, **texts})


def _spacing(candidate: Candidate) -> str:
    if candidate.series is None:
        return ""
    return " x ".join(f"{mm:.4g}" for mm in candidate.series.spacing_mm_xyz)


def _both(one: object, other: object) -> str:
    return str(one) if one == other else f"{one} and {other}"


def _line(row: PairRow) -> str:
    where = f"{row.patient}, study {row.study}: " if row.study else f"{row.patient}: "
    scanner = " ".join(part for part in (row.vendor, row.model) if part)
    kernels = " and ".join(part for part in (row.sharp, row.soft) if part)
    stack = f"{row.slices} slices" + (f" of {row.spacing_mm} mm" if row.spacing_mm else "") if row.slices else ""
    grids = f"grids: {row.grids}" if row.grids else ""
    parts = [part for part in (scanner, kernels, stack, grids, row.evidence, row.reason) if part]
    return f"{where}{row.verdict}: {', '.join(parts[:3])}" + "".join(f"; {part}" for part in parts[3:])
