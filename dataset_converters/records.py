"""The records a dataset file is made of: what the collection is, and its cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import SimpleITK as sitk

VariantKind = Literal["native", "emulated", "learned", "simulated"]
Layout = Literal["real data", "public programs", "unconfirmed", "own data"]

IGNORED = 255
"""Value of an annotation's voxels that the reader left open: neither background nor any structure."""


@dataclass(frozen=True)
class DatasetInfo:
    """What a source collection is, and how it becomes an nnU-Net dataset.

    Attributes
    ----------
    name : str
        Name of the dataset file (its module name).
    dataset_id : int
        Default nnU-Net id; ``Dataset<id>_<name>`` on disk.
    labels : mapping
        Standard structure name to label value, ``background`` 0 and consecutive; never ``ignore``,
        which the writer adds (highest value) where a reader left slices unannotated.
    variants : mapping
        Name of every variant a case can have, to its kind. Native: reconstructed by the scanner;
        simulated: rendered from a digital object.
    lung_definition : str
        Whether trachea, tumour, effusion count as lung.
    faults : tuple of str
        Known faults of the published files and what this converter does about each.
    expected_cases : int or None
        Number of cases of the complete collection, None if it depends on the user.
    overlaps : tuple of str
        Other datasets that share patients with this one.
    options : mapping
        Name of every keyword ``list_cases`` takes after ``root``, to what it means.
    layout : str
        What the expected folders and names rest on: ``real data`` this converter was run on, ``public programs``
        that read the published files, ``unconfirmed`` reports, or ``own data`` that the user lays out.
    """

    name: str
    dataset_id: int
    title: str
    paper: str
    access: str
    licence: str
    citation: str
    labels: Mapping[str, int]
    variants: Mapping[str, VariantKind]
    lung_definition: str
    faults: tuple[str, ...] = ()
    expected_cases: int | None = None
    overlaps: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = "unconfirmed"


@dataclass(frozen=True)
class CtImage:
    """One CT volume in Hounsfield units with the acquisition facts that are safe to keep.

    Attributes
    ----------
    image : SimpleITK.Image
        3-D, HU (int16 or float32), right-handed orthonormal directions, spacing in mm.
    facts : mapping
        Acquisition metadata as text: ``kernel``, ``manufacturer``, ``model``, ``kvp``,
        ``slice_thickness_mm``... Never a name, date, address or identifier of a person.
    source : Path or None
        A ``.nii.gz`` file that holds exactly this image (same voxels in HU, same grid), so that it can be linked
        instead of copied.
    """

    image: sitk.Image
    facts: Mapping[str, str]
    source: Path | None = None


@dataclass(frozen=True)
class Case:
    """One visit of one patient: its variants, its readers' annotations.

    Attributes
    ----------
    patient, case : str
        Identifiers of letters, digits and ``_`` only.
    images : mapping
        Variant name to a loader of that image. All variants lie on the same grid.
    annotations : mapping
        Reader name to a loader that takes the grid (any variant's image) and gives a uint8 label map on
        it with the dataset's label values, and `IGNORED` where the reader left voxels open. Empty for an
        image without annotation, whose role is then ``test``.
    annotated_slices : mapping
        Reader name to the z indices the reader annotated; a reader who is absent annotated all slices.
    role : str
        ``train``, ``test`` or empty: the part the source assigns to the patient.
    covariates : mapping
        Further per-case values for statistics: numbers (age, lung function...) or short text (sex...).
    """

    patient: str
    case: str
    images: Mapping[str, Callable[[], CtImage]]
    annotations: Mapping[str, Callable[[sitk.Image], sitk.Image]]
    annotated_slices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    role: Literal["train", "test", ""] = ""
    covariates: Mapping[str, float | str] = field(default_factory=dict)
