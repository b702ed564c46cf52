"""Every file of a folder through the readers: what can be read, what is refused, and why, in one table."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Literal

import pydicom

from dataset_converters.atomic import replacing
from dataset_converters.dicom.files_below import files_below
from dataset_converters.dicom.headers import are_dicom, read_headers
from dataset_converters.dicom.tree import FoundSeries, group_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.found_text import what_was_found
from dataset_converters.survey.drawn import survey_boxes, survey_contours, survey_segments
from dataset_converters.survey.reading import Reading
from dataset_converters.survey.row_names import RowNames
from dataset_converters.survey.volumes import Volume, survey_ct_series, survey_label_map, survey_volume
from dataset_converters.volumes.image_file import ENDINGS

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".7z", ".rar")  # after the images

Outcome = Literal["read", "read with note", "refused", "skipped"]


@dataclass(frozen=True)
class SurveyRow:
    """One file, or one DICOM series.

    Attributes
    ----------
    name : str
        File or folder; of a folder of files without usual names, their number.
    kind : str
        ``CT series``, ``contours``, ``segments``, ``CT volume``, ``label map``, ``boxes``, ``other``...
    what : str
        Size, spacing, kernel, voxels of every structure.
    reason : str
        Why it was refused or skipped, or what was noted.
    """

    name: str
    kind: str
    outcome: Outcome
    what: str
    reason: str


def survey(*folders: Path, show_names: bool = False) -> tuple[SurveyRow, ...]:
    """Return a row for every file and DICOM series below the folders, pixels read.

    Contours, segments and boxes are put on the CT they were drawn on, label maps on a CT beside or below them. Files
    of several folders are matched with each other. What `files_below` leaves out (links that lead out of the
    folder...) has a row that says so; hidden files have none.

    Parameters
    ----------
    show_names : bool
        Show paths below the folders as they are: for published data, whose names identify nobody. Else folders are
        numbered and file names go through `shown_name`.
    """
    work = _Survey([Path(folder) for folder in folders], show_names=show_names)
    return tuple(sorted(work.rows(), key=lambda row: row.name))


def format_survey(rows: Sequence[SurveyRow]) -> str:
    """Return the rows as a Markdown table, and a line that counts the outcomes."""
    names = [field.name for field in fields(SurveyRow)]
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(text.replace("|", "/") for text in astuple(row)) + " |" for row in rows]
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.outcome] += 1
    summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    return "\n".join([*lines, "", summary or "nothing found"])


def write_survey(path: Path, rows: Sequence[SurveyRow]) -> None:
    """Write the rows as CSV, whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(SurveyRow)])
    writer.writerows(astuple(row) for row in rows)
    with replacing(path) as temporary:
        Path(temporary).write_text(stream.getvalue(), encoding="utf-8")


class _Survey:
    """The files of some folders by kind, and the CT volumes found among them."""

    def __init__(self, folders: Sequence[Path], *, show_names: bool) -> None:
        below = {folder: files_below(folder) for folder in folders}
        self.names = RowNames(below, show_names=show_names)
        self.files = dict.fromkeys(path for found in below.values() for path in found.files)
        self.left_out = {path: what for found in below.values() for path, what in found.left_out.items()}
        self.volumes: list[Volume] = []

    def rows(self) -> list[SurveyRow]:
        left = set(self.files)
        series, rows = self._dicom(left)
        for one in series:
            left -= set(one.files)
        for one in (one for one in series if one.modality == "CT"):
            rows.append(self._row(one.files, "CT series", partial(survey_ct_series, one, self.volumes)))
        for modality, kind, read in (("RTSTRUCT", "contours", survey_contours), ("SEG", "segments", survey_segments)):
            for one in (one for one in series if one.modality == modality):
                rows += [self._row([path], kind, partial(read, path, one, series)) for path in one.files]
        for one in series:
            if one.modality not in ("CT", "RTSTRUCT", "SEG"):
                reason = "no CT slices, no structures"
                rows.append(SurveyRow(self.names.name(one.files), "DICOM, other", "skipped", "", reason))
        rows += self._images(left)
        boxes: dict[Path, list[Path]] = defaultdict(list)
        for path in sorted(path for path in left if path.suffix.lower() == ".xml"):
            boxes[path.parent].append(path)
        for folder, files in boxes.items():
            left -= set(files)
            rows.append(self._row(files, "boxes", partial(survey_boxes, folder, series)))
        skipped = {path: _why_skipped(path) for path in left} | self.left_out
        rows += [SurveyRow(self.names.name([path]), "other", "skipped", "", why) for path, why in skipped.items()]
        return rows

    def _dicom(self, left: set[Path]) -> tuple[list[FoundSeries], list[SurveyRow]]:
        """DICOM series, each within one folder; files whose header cannot be read are refused one by one."""
        series: list[FoundSeries] = []
        rows = []
        headers: dict[Path, list[pydicom.Dataset]] = defaultdict(list)
        for path in are_dicom(self.files):
            try:
                headers[path.parent] += read_headers([path], dataset="survey", case="")
            except ConversionError as error:
                left.discard(path)
                rows.append(SurveyRow(self.names.name([path]), "DICOM file", "refused", "", what_was_found(error)))
        for found in headers.values():
            series += group_series(found)
        return series, rows

    def _images(self, left: set[Path]) -> list[SurveyRow]:
        """NIfTI, MetaImage and NRRD files: CT volumes first, so that label maps find theirs."""
        paths = sorted(path for path in left if path.name.lower().endswith(ENDINGS))
        left -= set(paths)
        rows, maps = [], []
        for path in paths:
            row = self._row([path], "CT volume", partial(survey_volume, path, self.volumes))
            if row.kind == "label map":
                maps.append(path)
            else:
                rows.append(row)
        return rows + [self._row([path], "label map", partial(survey_label_map, path, self.volumes)) for path in maps]

    def _row(self, files: Sequence[Path], kind: str, read: Callable[[], Reading]) -> SurveyRow:
        name = self.names.name(files)
        try:
            reading = read()
        except ConversionError as error:
            return SurveyRow(name, kind, "refused", "", what_was_found(error))
        except Exception as error:  # a fault of ours: shown in the table, without the library's text
            return SurveyRow(name, kind, "refused", "", f"unexpected {type(error).__name__}")
        if reading.refused:
            return SurveyRow(name, kind, "refused", reading.what, reading.refused)
        if not reading.what and not reading.label_map:
            return SurveyRow(name, kind, "skipped", "", reading.note)
        kind = "label map" if reading.label_map else kind
        return SurveyRow(name, kind, "read with note" if reading.note else "read", reading.what, reading.note)


def _why_skipped(path: Path) -> str:
    is_archive = path.name.lower().endswith(_ARCHIVES)
    return "an archive: unpack it first" if is_archive else "no image, mask or contours"
