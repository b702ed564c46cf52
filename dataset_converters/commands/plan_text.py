"""A conversion plan as text: cases, variants, readers, problems, and how much room the output takes."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dataset_converters.records import Case
from dataset_converters.writing.conversion_plan import ConversionPlan

_COMPRESSED = (".nii.gz", ".nrrd", ".zraw", ".mha", ".zip", ".gz")
_NO_IMAGES = (".csv", ".txt", ".json", ".xml", ".xls", ".xlsx", ".pdf", ".md", ".toml")
_PACKED_SHARE = 0.55
"""Size of compressed volumes by that of the DICOM files they come from: 0.52 on 28 CT series of STS."""


def format_plan(plan: ConversionPlan, root: Path, out: Path | None, *, link: bool, inspected: int = 0) -> str:
    """Return what ``--dry-run`` prints; of ``inspected`` images the DICOM headers were checked."""
    images = sum(len(case.images) for case in plan.cases)
    variants = Counter(variant for case in plan.cases for variant in case.images)
    readers = Counter(reader for case in plan.cases for reader in case.annotations)
    expected = plan.info.expected_cases
    lines = [
        f"{plan.info.name} as {plan.nnunet}: {plan.info.title}",
        f"labels: {', '.join(f'{value} {name}' for name, value in plan.info.labels.items())}",
        f"cases: {len(plan.cases)}{f' of {expected}' if expected else ''}, "
        f"{len({case.patient for case in plan.cases})} patients; excluded: {len(plan.excluded)}",
        f"images by variant: {_counts(variants)}; annotations by reader: {_counts(readers)}",
        *_case_lines(plan.cases),
        f"output: about {_megabytes(estimated_bytes(root, without=out, link=link))} at most{_free(out)}",
        *(f"problem: {problem}" for problem in plan.problems),
        *(f"note: {note}" for note in plan.notes),
        f"{len(plan.problems)} problems; DICOM headers checked of {inspected} of {images} images; "
        "not checked: pixels, masks and their grids; nothing was written",
    ]
    return "\n".join(lines)


def estimated_bytes(root: Path, *, without: Path | None, link: bool) -> int:
    """Return the size of the output if every file below ``root`` were an image that is converted."""
    skipped = without.resolve() if without is not None else None
    total = 0.0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name).resolve() != skipped]
        for name in files:
            try:
                size = os.stat(os.path.join(folder, name)).st_size
            except OSError:
                continue
            total += size * _share(name.lower(), link=link)
    return int(total)


def _share(name: str, *, link: bool) -> float:
    if name.endswith(_NO_IMAGES) or (link and name.endswith(".nii.gz")):
        return 0.0
    return 1.0 if name.endswith(_COMPRESSED) else _PACKED_SHARE


def _case_lines(cases: Sequence[Case]) -> list[str]:
    rows = [("case", "patient", "role", "variants", "readers (annotated slices)")]
    rows += [
        (case.case, case.patient, case.role or "-", " ".join(case.images), _readers(case) or "none") for case in cases
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]


def _readers(case: Case) -> str:
    slices = {reader: case.annotated_slices.get(reader) for reader in case.annotations}
    return ", ".join(f"{reader} ({'all' if listed is None else len(listed)})" for reader, listed in slices.items())


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.1f} MB"


def _free(out: Path | None) -> str:
    if out is None:
        return ""
    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    return f"; {_megabytes(shutil.disk_usage(place).free)} free there"
