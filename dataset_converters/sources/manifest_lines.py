"""The lines of a user's table: text by column, and what is wrong with each. No cell is quoted: it may name a person."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_converters.errors import ConversionError
from dataset_converters.sources.path_inside import path_inside

MANIFEST = "manifest.csv"
NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
STRUCTURE = re.compile(r"[a-z][a-z0-9_]{0,39}")

_PLAIN = ("case", "patient", "image", "variant", "variant_kind", "kernel", "role", "age", "sex")
_PREFIXES = {"mask": (1, 2), "slices": (1, 1), "covariate": (1, 1)}
_COLUMNS = f"{', '.join(_PLAIN)}, mask:READER, mask:READER:STRUCTURE, slices:READER, covariate:NAME"
_LARGEST_BYTES = 64 * 2**20


@dataclass
class Line:
    """One line of the table.

    Attributes
    ----------
    number : int
        As a text editor counts.
    case : str
        Empty if the cell holds no pseudonym.
    faults : list of (str, str)
        What was found, and wanted instead.
    """

    number: int
    cells: dict[str, str]
    case: str
    faults: list[tuple[str, str]] = field(default_factory=list)

    def note(self, found: str, wanted: str) -> None:
        """Add a fault."""
        self.faults.append((found, wanted))


def read_lines(root: Path, *, dataset: str, table: str) -> tuple[list[str], list[Line]]:
    """Return the columns of ``root/table`` and its lines. The delimiter is a comma, semicolon or tab; the text UTF-8.

    Raises
    ------
    ConversionError
        There is no such table, its columns are wrong, or it has no lines.
    """
    header, rows = _read_table(root, table, dataset)
    _check_columns(header, dataset, table)
    if not rows:
        raise _fault(dataset, "", f"no line below the header of {table}", "one line per image", "fill in the table")
    lines = [_line(number, dict(zip(header, row, strict=False)), len(row) > len(header)) for number, row in rows]
    return header, lines


def line_faults(lines: Sequence[Line], *, dataset: str, table: str) -> list[ConversionError]:
    """Return every fault of some lines as an error that names its case, if it has a name, and its line."""
    return [
        _fault(dataset, line.case, f"{table}, line {line.number}: {found}", wanted, "correct the table or the files")
        for line in lines
        for found, wanted in line.faults
    ]


def _read_table(root: Path, table: str, dataset: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    path = path_inside(root, table)
    if path is None or not path.is_file():
        wanted = f"a table {MANIFEST} there with the columns case and image, and any of {_COLUMNS}"
        raise _fault(
            dataset, "", "no table in the folder", wanted, "write it as dataset_converters/datasets/manifest.py says"
        )
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _fault(dataset, "", f"{table} of more than 64 MiB", "a table of text", "check the file")
        with path.open(newline="", encoding="utf-8-sig") as stream:
            first = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(",;\t", key=first.count), strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except (csv.Error, UnicodeError, OSError) as error:
        action = "save it again as 'CSV UTF-8'"
        raise _fault(
            dataset, "", f"{table} that cannot be read ({type(error).__name__})", "UTF-8 text", action
        ) from None
    return ([name.strip().lower() for name in rows[0][1]], rows[1:]) if rows else ([], [])


def _check_columns(header: Sequence[str], dataset: str, table: str) -> None:
    unknown = [str(number) for number, name in enumerate(header, start=1) if not _is_column(name)]
    twice = [str(header.index(name) + 1) for name, count in Counter(header).items() if count > 1]
    lacking = [name for name in ("case", "image") if name not in header]
    found = [f"no column {name}" for name in lacking]
    found += [f"column {', '.join(unknown)} with another name"] if unknown else []
    found += [f"column {', '.join(twice)} twice"] if twice else []
    if found:
        action = f"correct the first line of {table}"
        raise _fault(dataset, "", f"{table}: {'; '.join(found)}", f"case, image, and any of {_COLUMNS}", action)


def _is_column(name: str) -> bool:
    kind, *parts = name.split(":")
    if not parts:
        return kind in _PLAIN
    fewest, most = _PREFIXES.get(kind, (0, -1))
    plain = all(NAME.fullmatch(part) for part in parts)
    return fewest <= len(parts) <= most and plain and (len(parts) < 2 or bool(STRUCTURE.fullmatch(parts[1])))


def _line(number: int, cells: dict[str, str], too_long: bool) -> Line:
    name = cells.get("case", "")
    line = Line(number, cells, name if NAME.fullmatch(name) else "")
    if not line.case:
        line.note("column case", "a pseudonym of 1 to 40 letters, digits and _")
    if too_long:
        line.note("more cells than the first line has columns", "texts with the delimiter in quotes")
    return line


def _fault(dataset: str, case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(dataset, case, found=found, wanted=wanted, action=action)
