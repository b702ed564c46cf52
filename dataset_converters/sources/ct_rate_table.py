"""The metadata table of CT-RATE: where the voxels of a volume lie, its scale and its kernel."""

import ast
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import known_kernel, known_manufacturer, known_model
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import Grid
from dataset_converters.volumes.nifti import UnreadableNiftiError, read_nifti

_TABLES = ("train_metadata.csv", "validation_metadata.csv")
_NEEDED = (
    "VolumeName",
    "Manufacturer",
    "ConvolutionKernel",
    "XYSpacing",
    "ZSpacing",
    "Rows",
    "Columns",
    "NumberofSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
)
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,4})?")
_AXES_TOLERANCE = 1e-3


@dataclass(frozen=True)
class RateRow:
    """One volume's line of the table; `check` says whether it describes a volume."""

    values: Mapping[str, str]

    @property
    def manufacturer(self) -> str:
        """Manufacturer tag, not for output as it is."""
        return self.values["Manufacturer"]

    @property
    def kernel(self) -> str:
        r"""ConvolutionKernel, several values joined by ``\``; the table writes them as a Python list."""
        parts = re.findall(r"[^\[\]',\"\\\s]+", self.values["ConvolutionKernel"])
        return "\\".join(parts)

    @property
    def scale(self) -> tuple[float, float]:
        """Slope and intercept from stored values to HU."""
        return float(self.values["RescaleSlope"]), float(self.values["RescaleIntercept"])

    @property
    def grid(self) -> Grid:
        """Voxels x along the columns, y along the rows, slices along the product of both axes."""
        orientation = np.array(_numbers(self.values["ImageOrientationPatient"], 6))
        row, column = orientation[:3], orientation[3:]
        axes = np.stack([row, column, np.cross(row, column)], axis=1)
        spacing = [*_numbers(self.values["XYSpacing"], 2), float(self.values["ZSpacing"])]
        affine = np.eye(4)
        affine[:3, :3] = axes * spacing
        affine[:3, 3] = _numbers(self.values["ImagePositionPatient"], 3)
        columns, rows, slices = (int(float(self.values[name])) for name in ("Columns", "Rows", "NumberofSlices"))
        return Grid((columns, rows, slices), affine)

    @property
    def facts(self) -> dict[str, str]:
        """Acquisition facts that are safe to keep."""
        facts = {
            "kernel": known_kernel(self.kernel),
            "manufacturer": known_manufacturer(self.manufacturer),
            "model": known_model(self.values.get("ManufacturerModelName", "")),
        }
        for name, column in (("exposure_mas", "Exposure"), ("reconstruction_diameter_mm", "ReconstructionDiameter")):
            value = self.values.get(column, "")
            facts[name] = value if _NUMBER.fullmatch(value) else ""
        return {name: value for name, value in facts.items() if value}

    def check(self, *, dataset: str, case: str) -> None:
        """Raise `ConversionError` unless the line gives a grid of voxels and a scale."""
        try:
            grid, (slope, intercept) = self.grid, self.scale
            fine = bool(np.isfinite(grid.affine_lps).all() and (grid.spacing_mm > 0).all())
            fine = fine and float(np.abs(grid.direction.T @ grid.direction - np.eye(3)).max()) <= _AXES_TOLERANCE
            fine = fine and min(grid.size_xyz) > 0 and bool(np.isfinite([slope, intercept]).all()) and slope != 0
        except (ValueError, KeyError, SyntaxError, OverflowError, FloatingPointError):
            fine = False
        if not fine:
            raise ConversionError(
                dataset,
                case,
                found="a line of the metadata table without complete geometry and scale",
                wanted=", ".join(_NEEDED[3:]),
                action="download the table again, or exclude the case",
            )


def read_rate_table(folder: Path, *, dataset: str) -> dict[str, RateRow]:
    """Return the lines of both metadata tables anywhere below a folder, by volume name; empty if there is no table.

    Raises
    ------
    ConversionError
        A table lacks a column or cannot be read.
    """
    rows: dict[str, RateRow] = {}
    for path in sorted(p for name in _TABLES for p in folder.rglob(name) if p.is_file()):
        try:
            with path.open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream)
                missing = [name for name in _NEEDED if name not in (reader.fieldnames or [])]
                lines = [] if missing else [{k: v or "" for k, v in row.items() if k} for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            missing, lines = [type(error).__name__], []
        if missing:
            raise ConversionError(
                dataset,
                "",
                found=f"{path.name} without {', '.join(missing)}",
                wanted="the metadata table as published",
                action="download it again",
            )
        rows.update({line["VolumeName"]: RateRow(line) for line in lines})
    return rows


def read_stored_volume(path: Path, row: RateRow, *, dataset: str, case: str, facts: Mapping[str, str]) -> CtImage:
    """Read a volume with a blank header: voxels from the file, everything else from the table.

    Returns
    -------
    CtImage
        int16 if slope and intercept are whole and all values fit, else float32.

    Raises
    ------
    ConversionError
        The file is damaged, holds other than whole numbers, is scaled by its header, or has another size.
    """
    try:
        volume = read_nifti(path)
    except (UnreadableNiftiError, OSError) as error:
        found, wanted = getattr(error, "found", type(error).__name__), getattr(error, "wanted", "a readable file")
        raise _fault(path, dataset, case, found, wanted) from None
    grid, (slope, intercept) = row.grid, row.scale
    if volume.grid.size_xyz != grid.size_xyz:
        sizes = (" x ".join(map(str, one.size_xyz)) for one in (volume.grid, grid))
        raise _fault(path, dataset, case, f"size {next(sizes)}", f"{next(sizes)}, as the metadata table says")
    stored = volume.voxels_zyx.astype(np.float32)
    if volume.scaled or not np.array_equal(stored, np.rint(stored)):
        raise _fault(path, dataset, case, "values that are scaled already", "stored values of a blank header")
    hounsfield = stored * np.float32(slope) + np.float32(intercept)
    limits = np.iinfo(np.int16)
    whole = slope.is_integer() and intercept.is_integer()
    if whole and limits.min <= hounsfield.min() and hounsfield.max() <= limits.max:
        hounsfield = hounsfield.astype(np.int16)
    image = sitk.GetImageFromArray(hounsfield)
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.affine_lps[:3, 3].tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return CtImage(image, facts)


def _numbers(text: str, count: int) -> list[float]:
    values = ast.literal_eval(text) if len(text) < 200 else ()
    if not isinstance(values, (list, tuple)) or len(values) != count:
        raise ValueError("wrong number of values")
    return [float(value) for value in values]


def _fault(path: Path, dataset: str, case: str, found: str, wanted: str) -> ConversionError:
    action = "download the volume again, or exclude the case"
    return ConversionError(dataset, case, found=f"{path.name} with {found}", wanted=wanted, action=action)
