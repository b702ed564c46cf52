"""A page to skim: every case of an nnU-Net raw dataset, what is doubtful in it, and how it looks."""

import csv
import html
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from tqdm import tqdm

from dataset_converters.anatomy.contact_sheet import MARKS, TILES_A_PAGE, Tile, case_tile, write_sheet
from dataset_converters.anatomy.findings import inspect_case
from dataset_converters.anatomy.labels import open_values, shows_lung
from dataset_converters.atomic import replacing
from dataset_converters.checking.listed_files import listed_training
from dataset_converters.findings import Finding
from dataset_converters.records import IGNORED
from dataset_converters.volumes.grid import Grid
from dataset_converters.volumes.nifti import UnreadableNiftiError, read_nifti

DRAWN_LUNG_ML = 500.0
_ORDER = {"error": 0, "warning": 1, "": 2}
_STYLE = """body{font:14px/1.4 sans-serif;margin:1.5em;color:#222;max-width:1500px}
table{border-collapse:collapse;margin:1em 0}
th,td{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}
th{background:#f3f3f3}td.n{text-align:right;white-space:nowrap}li{margin-bottom:.3em}ul{margin:0;padding-left:1.2em}
.error{border-left:8px solid #D55E00}.warning{border-left:8px solid #E69F00}.fine{border-left:8px solid #999}
img{max-width:100%;border:1px solid #ccc;margin-bottom:1em}small{color:#555}"""


@dataclass(frozen=True)
class CaseFiles:
    """An image and its label map, None for an image without one; ``annotated_slices`` as in ``cases.json``."""

    case: str
    image: Path
    label: Path | None
    annotated_slices: tuple[int, ...] | None = None


@dataclass(frozen=True)
class CaseReport:
    """One row: findings, measured values by column, and the sheet that shows the case."""

    case: str
    findings: tuple[Finding, ...]
    measured: Mapping[str, float | str]
    sheet: str

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or empty."""
        return _worst(self.findings)


@dataclass(frozen=True)
class Written:
    """The page of a report, and how many of its images have errors, and warnings but no errors."""

    page: Path
    errors: int
    warnings: int


def write_report(dataset_folder: Path, annotations: Path | None, out: Path) -> Written:
    """Check the anatomy of every case and write ``index.html``, ``cases.csv`` and ``sheet_001.png``...

    One case is in memory at a time. The same dataset gives the same bytes.

    Parameters
    ----------
    dataset_folder : Path
        ``nnUNet_raw/Dataset...``; cases may be listed in ``dataset.json`` ("dataset").
    annotations : Path or None
        Folder of the readers' masks with its ``cases.json``: adds the images that are not trained on, each with its
        first reader's mask.
    out : Path
        Folder of the report; made if it is not there.

    Returns
    -------
    Written
        The page, written last, and the counts in it.

    Raises
    ------
    OSError
        If ``dataset.json`` is not there or ``out`` cannot be written.
    """
    folder = Path(dataset_folder)
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    structures = {name: value for name, value in content["labels"].items() if isinstance(value, int)}
    files = [*_training_files(folder, content), *_other_files(folder, content, annotations)]
    out.mkdir(parents=True, exist_ok=True)
    reports: list[CaseReport] = []
    tiles: list[Tile] = []
    pages = -(-len(files) // TILES_A_PAGE)
    for number, entry in enumerate(tqdm(files, desc="anatomy", unit="case")):
        sheet = f"sheet_{number // TILES_A_PAGE + 1:03d}.png"
        report, tile = _inspect(folder.name, entry, structures, sheet)
        reports.append(report)
        tiles += [tile] if tile else []
        if tiles and (len(tiles) == TILES_A_PAGE or number + 1 == len(files)):
            title = f"{folder.name}: sheet {number // TILES_A_PAGE + 1} of {pages}"
            write_sheet(out / sheet, tiles, structures, title=title)
            tiles = []
    reports.sort(key=lambda entry: (_ORDER[entry.severity], -len(entry.findings), entry.case))
    _write_table(out / "cases.csv", reports)
    _write_page(out / "index.html", folder.name, reports, structures)
    counts = Counter(report.severity for report in reports)
    return Written(out / "index.html", counts["error"], counts["warning"])


def is_drawn_for_lung(measured: Mapping[str, float | str], structures: Mapping[str, int]) -> bool:
    """Say whether a case is drawn for its lungs: they are labelled or large; an abdomen shows their bases too."""
    labelled = any(measured.get(f"{name}_ml") for name in structures if shows_lung(name))
    return labelled or float(measured["air_filled_lung_ml"]) > DRAWN_LUNG_ML


def _training_files(folder: Path, content: Mapping[str, Any]) -> Iterator[CaseFiles]:
    for case, training in listed_training(folder, content).items():
        yield CaseFiles(case, training.images[0], training.label)


def _other_files(folder: Path, content: Mapping[str, Any], annotations: Path | None) -> Iterator[CaseFiles]:
    """Yield the converted images that are not trained on, with the mask of their first reader."""
    if annotations is None:
        return
    trained = {entry.image.resolve() for entry in _training_files(folder, content)}
    converted = json.loads((annotations / "cases.json").read_text(encoding="utf-8"))
    run = annotations.resolve().parents[1]
    for case in converted["cases"]:
        reader = next(iter(case["readers"].values()), None)
        for variant, entry in case["variants"].items():
            image = (run / entry["image"]).resolve()
            if image not in trained and image.is_relative_to(run):
                label = None if reader is None else run / reader["annotation"]
                slices = None if reader is None else reader["annotated_slices"]
                seen = None if slices is None else tuple(slices)
                yield CaseFiles(f"{case['case']}-{variant}", image, label, seen)


def _inspect(
    dataset: str, entry: CaseFiles, structures: Mapping[str, int], sheet: str
) -> tuple[CaseReport, Tile | None]:
    """Read one case, check and draw it; a file that cannot be read is a finding."""
    try:
        image = _read(entry.image)
        labels = None if entry.label is None else _with_open_slices(_read(entry.label), entry.annotated_slices)
    except (UnreadableNiftiError, OSError) as error:
        found = error.found if isinstance(error, UnreadableNiftiError) else "a file that is not there or not readable"
        finding = Finding("error", dataset, entry.case, found, "a readable NIfTI file", "convert the dataset again")
        return CaseReport(entry.case, (finding,), {}, ""), None
    findings, measured = inspect_case(image, labels, structures, dataset=dataset, case=entry.case)
    tile = case_tile(
        image,
        labels if labels is not None and labels.GetSize() == image.GetSize() else None,
        hidden=open_values(structures),
        case=entry.case,
        severity=_worst(findings),
        findings=len(findings),
        in_lung_window=is_drawn_for_lung(measured, structures),
    )
    return CaseReport(entry.case, tuple(findings), measured, sheet), tile


def _read(path: Path) -> sitk.Image:
    volume = read_nifti(path)
    voxels = volume.voxels_zyx
    if voxels.dtype.kind == "f":
        voxels = np.nan_to_num(voxels, nan=0.0)
    image = sitk.GetImageFromArray(voxels.astype(voxels.dtype.newbyteorder("=")))
    _place(image, volume.grid)
    return image


def _place(image: sitk.Image, grid: Grid) -> None:
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    image.SetOrigin(grid.affine_lps[:3, 3].tolist())


def _with_open_slices(labels: sitk.Image, annotated: Sequence[int] | None) -> sitk.Image:
    """Return labels whose slices that the reader did not see are open, not background."""
    if annotated is None:
        return labels
    values = sitk.GetArrayFromImage(labels).astype(np.uint8)
    unseen = np.ones(len(values), dtype=bool)
    unseen[list(annotated)] = False
    values[unseen] = IGNORED
    opened = sitk.GetImageFromArray(values)
    opened.CopyInformation(labels)
    return opened


def _worst(findings: Sequence[Finding]) -> str:
    return min((finding.severity for finding in findings), key=lambda name: _ORDER[name], default="")


def _write_table(path: Path, reports: Sequence[CaseReport]) -> None:
    columns = dict.fromkeys(name for report in reports for name in report.measured)
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "severity", "findings", "sheet", *columns])
        for report in reports:
            words = " | ".join(f"{entry.severity}: {entry.found}; wanted {entry.wanted}" for entry in report.findings)
            values = [report.measured.get(name, "") for name in columns]
            writer.writerow([report.case, report.severity or "fine", words, report.sheet, *values])


def _write_page(path: Path, dataset: str, reports: Sequence[CaseReport], structures: Mapping[str, int]) -> None:
    counts = {name: sum(report.severity == name for report in reports) for name in _ORDER}
    names = ", ".join(name for name in structures if name not in ("background", "ignore"))
    sheets = sorted({report.sheet for report in reports if report.sheet})
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(dataset)}: anatomy</title>",
        f"<style>{_STYLE}</style><h1>{html.escape(dataset)}</h1>",
        f"<p><b>{len(reports)} images</b>: {counts['error']} with errors, {counts['warning']} with warnings, "
        f"{counts['']} without findings. Labels: {html.escape(names)}. All values: <a href='cases.csv'>cases.csv</a>.",
        "<p><small>An error contradicts the labels or the unit of the values; a warning deserves a look. Directions "
        "are judged from spine, lung shape and heart, only where whole lungs are shown; a rare anatomy can look like a "
        "mirrored image. No finding is no proof: skim the sheets.</small>",
        "<h2>Cases, worst first</h2><table><tr><th>case<th>air-filled lung<th>front and back<th>up and down"
        "<th>left and right<th>findings<th>sheet</tr>",
        *(_row(report) for report in reports),
        "</table><h2>Contact sheets</h2>",
        "<p><small>Axial, coronal and sagittal slice with the most labelled voxels, at one scale in mm; the patient's "
        "right (R) on the viewer's left. Outlines: labels. Frame: "
        f"<span style='color:{MARKS['error']}'>error</span>, <span style='color:{MARKS['warning']}'>warning</span>, "
        "grey: no finding.</small>",
        *(f"<p id='{name}'><img src='{name}' alt='contact {name}'>" for name in sheets),
        "</html>\n",
    ]
    with replacing(path) as temporary:
        Path(temporary).write_text("\n".join(parts), encoding="utf-8")


def _row(report: CaseReport) -> str:
    measured = report.measured
    volume = f"{measured['air_filled_lung_ml']:,} mL" if measured.get("air_filled_lung_ml") else "none"
    directions = "".join(
        f"<td>{measured.get(name, '')}" for name in ("front_and_back", "up_and_down", "left_and_right")
    )
    items = "".join(
        f"<li><b>{entry.severity}</b>: {html.escape(entry.found)}; wanted {html.escape(entry.wanted)}. "
        f"<small>{html.escape(entry.action)}.</small>"
        for entry in report.findings
    )
    link = f"<a href='#{report.sheet}'>{report.sheet.removesuffix('.png')}</a>" if report.sheet else ""
    return (
        f"<tr class='{report.severity or 'fine'}'><td>{html.escape(report.case)}<td class='n'>{volume}{directions}"
        f"<td>{f'<ul>{items}</ul>' if items else 'none'}<td>{link}</tr>"
    )
