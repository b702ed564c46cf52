"""One case to its files: every variant's image and label map, every reader's annotation, and a record of them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from dataset_converters.atomic import write_json
from dataset_converters.errors import ConversionError
from dataset_converters.facts import fact_fault
from dataset_converters.grid import grid_difference, grid_fault, grid_of
from dataset_converters.nifti import label_counts, sha256_of, write_nifti
from dataset_converters.records import Case, DatasetInfo

IMAGE_TYPES = (sitk.sitkInt16, sitk.sitkFloat32)


@dataclass(frozen=True)
class Target:
    """Where a conversion writes, and what must agree before a finished case is taken over.

    Attributes
    ----------
    run : Path
        Folder that holds ``nnUNet_raw`` and ``annotations``; paths in records are relative to it.
    nnunet : str
        ``Dataset<id>_<name>``.
    training_reader : str
        Whose annotation becomes the label map; empty: each case's first reader.
    basis : mapping
        Converter, code, source, options: everything but the case that decides the bytes.
    """

    run: Path
    nnunet: str
    info: DatasetInfo
    training_reader: str
    basis: Mapping[str, Any]

    @property
    def raw(self) -> Path:
        """Folder nnU-Net reads."""
        return self.run / "nnUNet_raw" / self.nnunet

    @property
    def annotations(self) -> Path:
        """Folder of the readers' masks."""
        return self.run / "annotations" / self.nnunet

    @property
    def ignore(self) -> int:
        """Label value of voxels nobody annotated."""
        return len(self.info.labels)

    def record_path(self, case: str) -> Path:
        """Return where the record of a finished case lies."""
        return self.annotations / "records" / f"{case}.json"


def write_case(target: Target, case: Case) -> dict[str, Any]:
    """Write the files of one case and, last, its record; return the record.

    Everything is loaded and checked before the first file is written; if a later variant fails, the
    files of this case are removed again.

    Raises
    ------
    ConversionError
        An image is not 3-D, finite int16 or float32 HU on an orthonormal right-handed grid; variants or
        annotations lie on different grids; a label is unknown; a reader has labels, but none on the slices said to
        be annotated; a fact could identify a person.
    DiskFullError
        If there is no room.
    """
    grid, variants = None, {}
    files: dict[str, str] = {}
    try:
        for variant, load in case.images.items():
            loaded = load()
            image = _checked_image(target, case, variant, loaded.image, grid)
            facts = _checked_facts(target, case, variant, loaded.facts)
            if grid is None:
                grid = image
                annotations = {name: _checked_annotation(target, case, name, image) for name in case.annotations}
            path = target.raw / "imagesTr" / f"{case.case}-{variant}_0000.nii.gz"
            entry = {"image": _write(target, files, path, image), "sha256": files[_relative(target, path)]}
            variants[variant] = {**entry, "facts": facts}
        record = _write_annotations(target, case, annotations, variants, files)
    except BaseException:
        for name in files:
            (target.run / name).unlink(missing_ok=True)
        raise
    write_json(target.record_path(case.case), record)
    return record


def finished_record(target: Target, case: Case) -> dict[str, Any] | None:
    """Return the record of a case that an earlier run finished, None unless basis and every file agree."""
    try:
        record: dict[str, Any] = json.loads(target.record_path(case.case).read_text(encoding="utf-8"))
        if record["basis"] != case_basis(target, case):
            return None
        agree = all(sha256_of(target.run / name) == wanted for name, wanted in record["files"].items())
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None
    return record if agree else None


def case_basis(target: Target, case: Case) -> dict[str, Any]:
    """Return what decides the bytes of a case, as it reads back from JSON."""
    basis = {
        **target.basis,
        "training_reader": target.training_reader,
        "patient": case.patient,
        "role": case.role,
        "covariates": _finite(case.covariates),
        "variants": list(case.images),
        "readers": list(case.annotations),
        "annotated_slices": {name: sorted(slices) for name, slices in case.annotated_slices.items()},
    }
    content: dict[str, Any] = json.loads(json.dumps(basis))
    return content


def _write_annotations(
    target: Target, case: Case, annotations: Mapping[str, sitk.Image], variants: dict[str, Any], files: dict[str, str]
) -> dict[str, Any]:
    readers = {}
    for reader, annotation in annotations.items():
        path = target.annotations / f"{case.case}-{reader}.nii.gz"
        slices = case.annotated_slices.get(reader)
        kept = _with_value_outside(annotation, slices, 0)
        readers[reader] = {
            "annotation": _write(target, files, path, kept),
            "sha256": files[_relative(target, path)],
            "annotated_slices": None if slices is None else sorted(int(z) for z in slices),
            "empty": not _drawn_slices(kept),
            "cleared_slices": len(_drawn_slices(annotation)) - len(_drawn_slices(kept)),
        }
    training = target.training_reader if target.training_reader in annotations else next(iter(annotations))
    label = _with_value_outside(annotations[training], case.annotated_slices.get(training), target.ignore)
    for variant in variants:
        _write(target, files, target.raw / "labelsTr" / f"{case.case}-{variant}.nii.gz", label)
    entry = {
        "patient": case.patient,
        "case": case.case,
        "role": case.role,
        "covariates": _finite(case.covariates),
        "variants": variants,
        "readers": readers,
        "training_reader": training,
    }
    ignored = bool((sitk.GetArrayViewFromImage(label) == target.ignore).any())
    return {"basis": case_basis(target, case), "files": files, "ignored_slices": ignored, "case": entry}


def _write(target: Target, files: dict[str, str], path: Path, image: sitk.Image) -> str:
    """Write an image, note its hash and return its path relative to the run."""
    name = _relative(target, path)
    files[name] = write_nifti(path, image)
    return name


def _relative(target: Target, path: Path) -> str:
    return path.relative_to(target.run).as_posix()


def _checked_image(target: Target, case: Case, variant: str, image: sitk.Image, grid: sitk.Image | None) -> sitk.Image:
    """Return the image on exactly the first variant's grid, or refuse it."""

    def refuse(found: str, wanted: str, action: str) -> ConversionError:
        return ConversionError(
            target.info.name, case.case, found=f"variant {variant}: {found}", wanted=wanted, action=action
        )

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        found = f"{image.GetDimension()}-D with {image.GetNumberOfComponentsPerPixel()} values a voxel"
        raise refuse(found, "one 3-D volume of one value a voxel", "convert each volume as a variant or case")
    if image.GetPixelID() not in IMAGE_TYPES:
        raise refuse(image.GetPixelIDTypeAsString(), "int16 or float32 HU", "cast it in the dataset file")
    if fault := grid_fault(grid_of(image)):
        raise refuse(*fault, "correct the orientation in the dataset file or exclude the case")
    if grid is not None and (difference := grid_difference(grid_of(grid), grid_of(image))):
        raise refuse(*difference, "resample the variants to one grid, or make them separate cases")
    values = sitk.GetArrayViewFromImage(image)
    bad = 0 if values.dtype.kind != "f" else int(values.size - np.isfinite(values).sum())
    if bad:
        raise refuse(f"{bad} voxels of NaN or infinity", "finite HU", "repair the source or exclude the case")
    if grid is not None:
        image.CopyInformation(grid)
    return image


def _checked_facts(target: Target, case: Case, variant: str, facts: Mapping[str, str]) -> dict[str, str]:
    if fault := fact_fault(facts):
        action = "drop it in the dataset file"
        raise ConversionError(
            target.info.name, f"{case.case}-{variant}", found=fault[0], wanted=fault[1], action=action
        )
    return dict(facts)


def _checked_annotation(target: Target, case: Case, reader: str, grid: sitk.Image) -> sitk.Image:
    """Load a reader's label map on exactly the image's grid, or refuse it."""
    annotation = case.annotations[reader](grid)

    def refuse(found: str, wanted: str, action: str) -> ConversionError:
        return ConversionError(
            target.info.name, case.case, found=f"annotation of {reader}: {found}", wanted=wanted, action=action
        )

    if annotation.GetPixelID() != sitk.sitkUInt8 or annotation.GetDimension() != 3:
        found = f"{annotation.GetDimension()}-D {annotation.GetPixelIDTypeAsString()}"
        raise refuse(found, "3-D uint8", "cast it in the dataset file")
    if difference := grid_difference(grid_of(grid), grid_of(annotation)):
        raise refuse(*difference, "resample it in the dataset file or exclude the case")
    values = sitk.GetArrayViewFromImage(annotation)
    counts = label_counts(values)
    unknown = [f"{value} ({counts[value]} voxels)" for value in np.flatnonzero(counts) if value >= target.ignore]
    if unknown:
        raise refuse(
            f"labels {', '.join(unknown)}", f"labels {dict(target.info.labels)}", "map them in the dataset file"
        )
    slices = case.annotated_slices.get(reader)
    outside = [z for z in slices or () if not 0 <= z < len(values)]
    if outside:
        raise refuse(f"annotated slices {outside[:5]}", f"0 to {len(values) - 1}", "correct annotated_slices")
    drawn = _drawn_slices(annotation)
    if slices is not None and drawn and not drawn & set(slices):
        found = f"labels on slices {min(drawn)} to {max(drawn)} and on none of annotated_slices"
        raise refuse(found, "labels on annotated slices", "correct annotated_slices: they count from 0")
    annotation.CopyInformation(grid)
    return annotation


def _drawn_slices(annotation: sitk.Image) -> set[int]:
    return set(np.flatnonzero(sitk.GetArrayViewFromImage(annotation).any(axis=(1, 2))).tolist())


def _with_value_outside(annotation: sitk.Image, slices: tuple[int, ...] | None, value: int) -> sitk.Image:
    """Return the annotation with one value on every slice that was not annotated."""
    if slices is None:
        return annotation
    values = sitk.GetArrayFromImage(annotation)
    unseen = np.ones(len(values), dtype=bool)
    unseen[list(slices)] = False
    values[unseen] = value
    label = sitk.GetImageFromArray(values)
    label.CopyInformation(annotation)
    return label


def _finite(covariates: Mapping[str, float | str]) -> dict[str, float | str | None]:
    """Return what JSON can hold: numbers that are not finite become null, text stays."""
    return {name: value if isinstance(value, str) else _number(value) for name, value in covariates.items()}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
