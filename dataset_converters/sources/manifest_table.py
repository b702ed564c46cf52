"""The table of a user's own collection: one line per image, with its masks, patient, kernel and covariates.

What the columns mean is described in ``datasets/manifest.py``. Every line is checked before a pixel is read; all
faults are returned together, each with its line number. No cell is ever quoted: it may name a person.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from dataset_converters.annotations.structure_masks import reading_file
from dataset_converters.errors import ConversionError
from dataset_converters.records import VariantKind
from dataset_converters.sources.manifest_lines import MANIFEST, NAME, Line, line_faults, read_lines
from dataset_converters.sources.path_inside import path_inside

ONE_VARIANT = "CT"
"""Name of the variant where the table has no column ``variant``."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,15}")
_DATE = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])")
_SLICES = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")
_MOST_SLICES = 20_000

Role = Literal["train", "test", ""]


@dataclass(frozen=True)
class ManifestImage:
    """One image: a file, or a folder with DICOM slices; its kernel as the table says."""

    path: Path
    kernel: str


@dataclass(frozen=True)
class ManifestCase:
    """The lines of one case.

    Attributes
    ----------
    images : mapping
        By variant.
    masks : mapping
        Reader to structure to file; the structure is empty for a file that holds all structures. ``#2`` at the end of
        an XML file's path is the reading session.
    slices : mapping
        Reader to the slices it annotated, counted from 0 at the feet upward; absent: all.
    """

    case: str
    patient: str
    role: Role
    covariates: Mapping[str, float | str]
    images: Mapping[str, ManifestImage]
    masks: Mapping[str, Mapping[str, Path]]
    slices: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Manifest:
    """A table as read: the sound cases, in its order, and what is wrong with the others.

    Attributes
    ----------
    structures : tuple of str
        Those that have mask columns of their own, in the order of the columns.
    whole_files : bool
        Whether there are masks that hold all structures.
    """

    cases: tuple[ManifestCase, ...]
    faults: tuple[ConversionError, ...]
    variants: Mapping[str, VariantKind]
    structures: tuple[str, ...]
    whole_files: bool


def read_manifest(root: Path, *, dataset: str, table: str = MANIFEST) -> Manifest:
    """Read and check ``root/table``; nothing but the presence of the files it names is looked at on the disk.

    Raises
    ------
    ConversionError
        There is no such table, or its columns are wrong; faults of single lines are in `Manifest.faults`.
    """
    header, lines = read_lines(root, dataset=dataset, table=table)
    _note_repeats(lines, header)
    variants = _variants(lines)
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.case or f"line {line.number}", []).append(line)
    found = [_read_case(root, group, header) for group in grouped.values()]
    faults = line_faults([line for group in grouped.values() for line in group], dataset=dataset, table=table)
    columns = [column.split(":") for column in header if column.startswith("mask:")]
    return Manifest(
        cases=tuple(case for case in found if case is not None),
        faults=tuple(faults),
        variants=variants,
        structures=tuple(dict.fromkeys(parts[2] for parts in columns if len(parts) == 3)),
        whole_files=any(len(parts) == 2 for parts in columns),
    )


def _note_repeats(lines: Sequence[Line], header: Sequence[str]) -> None:
    """Note an image or a mask that several lines name (a slip of copy and paste), and a variant given twice."""
    seen: dict[tuple[str, str], Line] = {}
    for line in lines:
        keys = [("variant", f"{line.case.casefold()}\n{_variant(line)}")] if line.case else []
        keys += [("image", f"{line.cells.get('image')}\n{line.cells.get('kernel', '')}")]
        keys += [(name, line.cells[name]) for name in header if name.startswith("mask:") and line.cells.get(name)]
        for name, value in keys:
            earlier = seen.setdefault((name, value), line)
            same_case = name.startswith("mask:") and earlier.case == line.case
            if earlier is not line and value.strip() and not same_case:
                line.note(f"column {name}: the same as on line {earlier.number}", "each once")


def _variants(lines: Sequence[Line]) -> dict[str, VariantKind]:
    """Return the kind of every variant; one that is given two kinds is noted."""
    variants: dict[str, str] = {}
    for line in lines:
        kind, name = line.cells.get("variant_kind") or "native", _variant(line)
        if kind not in get_args(VariantKind):
            line.note("column variant_kind", f"one of {', '.join(get_args(VariantKind))} or nothing")
        elif not NAME.fullmatch(name):
            line.note("column variant", "1 to 40 letters, digits and _")
        elif variants.setdefault(name, kind) != kind:
            line.note("column variant_kind", "one kind for all lines of a variant")
    return cast(dict[str, VariantKind], variants)


def _read_case(root: Path, lines: Sequence[Line], header: Sequence[str]) -> ManifestCase | None:
    """Return the case of some lines, None if one of them is at fault; the faults are noted in the lines."""
    images = {_variant(line): image for line in lines if (image := _image(root, line)) is not None}
    whole = _joined(lines, [name for name in header if name not in ("image", "variant", "variant_kind", "kernel")])
    patient = whole.get("patient", "") or lines[0].case
    if not NAME.fullmatch(patient):
        lines[0].note("column patient", "a pseudonym of 1 to 40 letters, digits and _")
    role = whole.get("role", "")
    if role not in get_args(Role):
        lines[0].note("column role", "train, test or nothing")
    masks = _masks(root, lines[0], whole)
    covariates, slices = _covariates(lines[0], whole), _slices(lines[0], whole, masks)
    if role != "test" and not any(name.startswith("mask:") for name in whole):
        lines[0].note("no mask", "one at least, or role test")
    if any(line.faults for line in lines):
        return None
    return ManifestCase(lines[0].case, patient, cast(Role, role), covariates, images, masks, slices)


def _variant(line: Line) -> str:
    return line.cells.get("variant") or ONE_VARIANT


def _image(root: Path, line: Line) -> ManifestImage | None:
    path = _existing(root, line, "image", folder=True)
    return None if path is None else ManifestImage(path, line.cells.get("kernel", ""))


def _existing(root: Path, line: Line, column: str, *, folder: bool) -> Path | None:
    """Return the file (or folder) a cell names, None with a fault if it is not there or not below the root."""
    path = path_inside(root, line.cells.get(column, ""))
    file = path if path is None or folder else reading_file(path)
    if path is None or file is None:
        line.note(f"column {column}", "a path below the folder of the table, such as images/001.nii.gz")
    elif not (file.is_file() or (folder and file.is_dir())):
        what = "file or folder" if folder else "file"
        line.note(f"column {column}: no such {what}", "one that is there (capitals count)")
        path = None
    return path


def _joined(lines: Sequence[Line], columns: Sequence[str]) -> dict[str, str]:
    """Return what the lines of a case say together: a cell may be given once or on every line, but not differ."""
    whole: dict[str, str] = {}
    for line in lines:
        for name in columns:
            value = line.cells.get(name, "")
            if value and whole.setdefault(name, value) != value:
                line.note(
                    f"column {name}: another value than on line {lines[0].number}", "one value for all lines of a case"
                )
    return whole


def _masks(root: Path, line: Line, whole: Mapping[str, str]) -> dict[str, dict[str, Path]]:
    masks: dict[str, dict[str, Path]] = {}
    for column in (name for name in whole if name.startswith("mask:")):
        _, reader, structure = (*column.split(":"), "")[:3]
        place = Line(line.number, dict(whole), line.case, line.faults)
        path = _existing(root, place, column, folder=False)
        if path is not None:
            masks.setdefault(reader, {})[structure] = path
    for reader, files in masks.items():
        if "" in files and len(files) > 1:
            line.note(f"mask:{reader} and mask:{reader}:STRUCTURE", "one file, or one per structure")
    return masks


def _covariates(line: Line, whole: Mapping[str, str]) -> dict[str, float | str]:
    covariates: dict[str, float | str] = {}
    for column in (name for name in whole if name in ("age", "sex") or name.startswith("covariate:")):
        name, text = column.removeprefix("covariate:"), whole[column]
        number = _number(text)
        if _DATE.fullmatch(text) or (number is None and not _WORD.fullmatch(text)):
            line.note(f"column {column}", "a number or a word of up to 16 letters; never a date or a name")
        else:
            covariates[name] = text if number is None else number
    return covariates


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _slices(line: Line, whole: Mapping[str, str], masks: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    slices: dict[str, tuple[int, ...]] = {}
    for column in (name for name in whole if name.startswith("slices:")):
        reader, words = column.removeprefix("slices:"), whole[column].split()
        spans = [_span(word) for word in words]
        count = sum(map(len, spans))
        numbers = {number for span in spans for number in span} if count <= _MOST_SLICES else set()
        if not words or not all(spans) or len(numbers) != count:
            line.note(f"column {column}", "slice numbers from 0 at the feet, each once, such as '3 5 9-12'")
        elif reader not in masks:
            line.note(f"column {column}", "a mask of this reader too")
        else:
            slices[reader] = tuple(sorted(numbers))
    return slices


def _span(word: str) -> range:
    """Return the numbers of ``9-12`` or ``5``; none if the word is something else."""
    if not _SLICES.fullmatch(word):
        return range(0)
    first, _, last = word.partition("-")
    return range(int(first), int(last or first) + 1)
