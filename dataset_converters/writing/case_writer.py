"""One case to its files: every variant's image, one label map, every reader's mask, and a record of them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from dataset_converters.atomic import write_json
from dataset_converters.records import Case, CtImage
from dataset_converters.volumes.nifti import sha256_of, write_nifti
from dataset_converters.writing.case_content import checked_annotation, checked_facts, checked_image
from dataset_converters.writing.image_link import linkable_file
from dataset_converters.writing.reader_masks import count_value, drawn_slices, reader_mask, training_label
from dataset_converters.writing.target import Target


def write_case(target: Target, case: Case) -> dict[str, Any]:
    """Write the files of one case and, last, its record; return the record.

    The annotations are loaded and checked before the first file is written; if a later variant fails, the files of
    this case are removed again.

    Raises
    ------
    ConversionError
        An image is not 3-D, finite int16 or float32 HU on an orthonormal right-handed grid; variants or
        annotations lie on different grids; a label is unknown; a reader has labels, but none on the slices said to
        be annotated; a fact could identify a person.
    DiskFullError
        If there is no room.
    """
    written = _Written(target)
    try:
        variants, annotations = _write_images(target, case, written)
        entry = {
            "patient": case.patient,
            "case": case.case,
            "role": case.role,
            "covariates": _finite(case.covariates),
            "variants": variants,
            **_write_annotations(target, case, annotations, written),
        }
        record = {
            "basis": case_basis(target, case),
            "files": written.files,
            "links": {part["image"]: part["sha256"] for part in variants.values() if part.get("linked")},
            "ignored": written.ignored,
            "case": entry,
        }
        write_json(target.record_path(case.case), record)
    except BaseException:
        target.record_path(case.case).unlink(missing_ok=True)
        written.remove()
        raise
    return record


def finished_record(target: Target, case: Case) -> dict[str, Any] | None:
    """Return the record of a case that an earlier run finished, None unless basis and every file agree."""
    try:
        record: dict[str, Any] = json.loads(target.record_path(case.case).read_text(encoding="utf-8"))
        if record["basis"] != case_basis(target, case):
            return None
        hashes = {**record["files"], **record["links"]}
        agree = all(sha256_of(target.run / name) == wanted for name, wanted in hashes.items())
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None
    return record if agree else None


def case_basis(target: Target, case: Case) -> dict[str, Any]:
    """Return what decides the bytes of a case, as it reads back from JSON."""
    basis = {
        **target.basis,
        "link": target.link,
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


@dataclass
class _Written:
    """The files of a case so far, and whether its label map leaves voxels out."""

    target: Target
    files: dict[str, str] = field(default_factory=dict)
    ignored: bool = False

    def write(self, path: Path, image: sitk.Image) -> tuple[str, str]:
        """Write an image; return its path relative to the run and its hash."""
        name = self.target.relative(path)
        self.files[name] = ""  # known before it is there, so that it is removed whenever this process is stopped
        self.files[name] = write_nifti(path, image)
        return name, self.files[name]

    def remove(self) -> None:
        """Remove what was written; linked files are never among it."""
        for name in self.files:
            (self.target.run / name).unlink(missing_ok=True)


def _write_images(
    target: Target, case: Case, written: _Written
) -> tuple[dict[str, dict[str, Any]], dict[str, sitk.Image]]:
    grid, variants, annotations = None, {}, {}
    for variant, load in case.images.items():
        loaded = load()
        image = checked_image(target.info, case, variant, loaded.image, grid=grid)
        facts = checked_facts(target.info, case, variant, loaded.facts)
        if grid is None:
            grid = image
            annotations = {name: checked_annotation(target.info, case, name, image) for name in case.annotations}
        variants[variant] = {**_stored(target, case, variant, loaded, written), "facts": facts}
    return variants, annotations


def _stored(target: Target, case: Case, variant: str, loaded: CtImage, written: _Written) -> dict[str, Any]:
    """Link an image if that is wanted and possible, else write it."""
    if target.link and (linked := linkable_file(loaded.source, loaded.image)):
        return {"image": linked[0], "sha256": linked[1], "linked": True}
    name, sha256 = written.write(target.image_path(case, variant), loaded.image)
    return {"image": name, "sha256": sha256}


def _write_annotations(
    target: Target, case: Case, annotations: Mapping[str, sitk.Image], written: _Written
) -> dict[str, Any]:
    readers = {name: _write_reader(target, case, name, image, written) for name, image in annotations.items()}
    if not readers:
        return {"readers": readers, "training_reader": "", "label": None}
    training = target.training_reader if target.training_reader in annotations else next(iter(annotations))
    label = training_label(annotations[training], case.annotated_slices.get(training), ignore=target.ignore)
    written.ignored = count_value(label, target.ignore) > 0
    name, _ = written.write(target.label_path(case.case), label)
    return {"readers": readers, "training_reader": training, "label": name}


def _write_reader(target: Target, case: Case, reader: str, annotation: sitk.Image, written: _Written) -> dict[str, Any]:
    slices = case.annotated_slices.get(reader)
    mask = reader_mask(annotation, slices, ignore=target.ignore)
    drawn = drawn_slices(mask, ignore=target.ignore)
    name, sha256 = written.write(target.mask_path(case.case, reader), mask)
    return {
        "annotation": name,
        "sha256": sha256,
        "annotated_slices": None if slices is None else sorted(int(z) for z in slices),
        "empty": not drawn,
        "cleared_slices": len(drawn_slices(annotation)) - len(drawn),
        "ignored_voxels": count_value(mask, target.ignore),
        "ignore_value": target.ignore,
    }


def _finite(covariates: Mapping[str, float | str]) -> dict[str, float | str | None]:
    """Return what JSON can hold: numbers that are not finite become null, text stays."""
    return {name: value if isinstance(value, str) else _number(value) for name, value in covariates.items()}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
