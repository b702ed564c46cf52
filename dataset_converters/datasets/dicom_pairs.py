"""Your own studies: DICOM CT with a lung and a mediastinal kernel per patient, annotated by one or several readers.

Paper
    The protocol of Hoang-Thi et al. 2021, Diagn Interv Imaging 102:691-695 (one annotation, two kernels).
Access, licence
    Yours; nothing leaves your machine. No name, date or identifier is kept from the files: the patient is called as the
    folder is.
Layout
    ``<patient>/<any folders>/*.dcm``      CT series, told apart by SeriesInstanceUID and kernel; one with a sharp
    (lung) and one with a soft (mediastinal) kernel, of one acquisition and on one grid (`find_pair` says which are
    taken of several). Localizers and other objects are left out. ``python -m dataset_converters pairs DIR`` lists
    beforehand what pairs there are.

    ``<patient>/annotations/<reader>.nii.gz``  mask of 0 and 1 on the grid of the series (also .nii, .mha, .mhd with its
    .raw, .nrrd), or ``<reader>.dcm``: RTSTRUCT or SEG, whose ROI or segment is called as option ``roi`` says.

    ``patients.csv`` (optional)            columns ``patient,role``; role ``train`` or ``test``; every patient once.

    ``annotated_slices.csv`` (optional)    columns ``patient,reader,slice``, one line per slice that the reader
    annotated; slices count from 0 at the feet upward. A reader who is absent annotated every slice.

    ``<patient>`` and ``<reader>`` consist of letters, digits and ``_``. A reader is a slot (``reader1``,
    ``reader2``): where each slice was read twice, but not always by the same two people, put the first reading
    of every slice into ``reader1``. Scores are averaged over slots.
Two grids
    All variants of a case lie on one grid. Where the two series of a patient differ in slice thickness or field of
    view, option ``other_grid = transfer`` makes two cases of the patient: ``<patient>`` is the annotated series,
    ``<patient>_MK`` the other one (``_LK`` if the mediastinal kernel was annotated) on its own grid, with the
    annotation transferred and what it does not cover left open (`transfer_labels`). So no image is resampled, where
    the paper rescales and crops the images: a resampled image has another sharpness, and that is what is compared.
Covariates
    ``kernel_table_sha256``: hash of the table that classed the kernels. ``same_acquisition``: ``strong`` if both series
    give the same study, frame of reference, and acquisition number or time; ``fair`` if they give no number and no
    time; ``weak`` if a study or frame of reference is not given. Weak pairs may be two acquisitions (inspiration and
    expiration, say) and are refused, unless option ``evidence = weak`` allows them. All but strong ones are noted.
Labels
    1 disease.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk
from pydicom.uid import generate_uid

from dataset_converters.annotations.dicom_seg import read_segments
from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.annotations.rtstruct import rasterise_rtstruct
from dataset_converters.annotations.transfer import transfer_labels
from dataset_converters.dicom.headers import find_case_files, read_headers
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series, write_rtstruct
from dataset_converters.dicom.series import DicomSeries, Tilt, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.evidence import SAME_ACQUISITION
from dataset_converters.kernels.names import KernelTable, load_kernel_table
from dataset_converters.kernels.pair import Evidence, OtherGrid, find_pair
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.records import IGNORED, Case, DatasetInfo
from dataset_converters.sources.case_lists import collect_case_lists
from dataset_converters.sources.patient_tables import Role, read_annotated_slices, read_roles
from dataset_converters.volumes.image_file import ENDINGS
from dataset_converters.volumes.nifti import write_nifti

DATASET = DatasetInfo(
    name="dicom_pairs",
    dataset_id=730,
    title="Own DICOM studies with a lung and a mediastinal kernel",
    paper="own data; protocol of Hoang-Thi et al. 2021, Diagn Interv Imaging 102:691-695",
    access="your own DICOM files, laid out as dataset_converters/datasets/dicom_pairs.py says",
    licence="as agreed for the data; not for redistribution by default",
    citation="own data",
    labels={"background": 0, "disease": 1},
    variants={"LK": "native", "MK": "native"},
    lung_definition="not applicable: no lung label",
    options={
        "roi": "name of the ROI or segment in the readers' RTSTRUCT or SEG files (default: disease)",
        "kernel_table": "TOML file that classes kernels, laid over dataset_converters/kernels/kernel_table.toml",
        "other_grid": "refuse (default) or transfer: what to do where the two series lie on different grids",
        "transfer": "nearest (default) or shape: how annotations are brought to another grid",
        "annotated": "LK (default) or MK: the series that was annotated, where the grids differ",
        "tilt": "refuse (default) or shear: what to do with a tilted gantry",
        "mask_grid": "refuse (default) or resample: what to do with a mask file on another grid than the series",
        "evidence": "shown (default) or weak: take pairs without the same study and frame of reference in the headers",
    },
    layout="own data",
)

Annotations = Mapping[str, Callable[[sitk.Image], sitk.Image]]
Variant = Literal["LK", "MK"]
Method = Literal["nearest", "shape"]
MaskGrid = Literal["refuse", "resample"]

_ANNOTATIONS = "annotations"
_DETACHED = (".raw", ".zraw")  # voxels of an .mhd beside it
_IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class _Choices:
    """Options that every patient is read with."""

    roi: str
    table: KernelTable
    other_grid: OtherGrid
    transfer: Method
    annotated: Variant
    tilt: Tilt
    mask_grid: MaskGrid
    evidence: Evidence


def list_cases(
    root: Path,
    *,
    roi: str = "disease",
    kernel_table: str | Path = "",
    other_grid: OtherGrid = "refuse",
    transfer: Method = "nearest",
    annotated: Variant = "LK",
    tilt: Tilt = "refuse",
    mask_grid: MaskGrid = "refuse",
    evidence: Evidence = "shown",
) -> list[Case]:
    """Cases below ``root``, one or two per patient folder; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError
        The layout is not as described above, an option has no such choice, or `find_pair` refuses a patient's
        series; all faulty patients at once (`ConversionErrors`).
    """
    for name, value, kinds in (
        ("other_grid", other_grid, OtherGrid),
        ("transfer", transfer, Method),
        ("annotated", annotated, Variant),
        ("tilt", tilt, Tilt),
        ("mask_grid", mask_grid, MaskGrid),
        ("evidence", evidence, Evidence),
    ):
        if value not in get_args(kinds):
            raise _fault("", f"option {name} = {value!r}", " or ".join(get_args(kinds)), "correct the option")
    folders = _patient_folders(root)
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    choices = _Choices(roi, table, other_grid, transfer, annotated, tilt, mask_grid, evidence)
    patients = {folder.name for folder in folders}
    roles = read_roles(root / "patients.csv", patients, dataset=DATASET.name)
    slices = read_annotated_slices(root / "annotated_slices.csv", patients, dataset=DATASET.name)
    return collect_case_lists(
        DATASET.name,
        folders,
        lambda folder: _read_patient(folder, choices, roles.get(folder.name, ""), slices.get(folder.name, {})),
    )


def make_sample(root: Path) -> None:
    """Write two tiny synthetic patients with two kernels and two readers (one NIfTI mask, one RTSTRUCT each)."""
    for seed, patient in enumerate(("P01", "P02")):
        size_xyz, spacing_mm = (20, 18, 8), (0.8, 0.8, 3.0)
        truth, other = (ball_mask(size_xyz=size_xyz, spacing_mm=spacing_mm, radius_mm=r + seed) for r in (6.0, 5.0))
        frame, study = "", generate_uid(entropy_srcs=[DATASET.name, patient])
        for folder, kernel, noise_hu in (("lung", "L", 60.0), ("soft", "B", 15.0)):
            ct = ct_of_mask(truth, noise_hu=noise_hu, seed=seed)
            written = write_ct_series(
                root / patient / folder,
                ct,
                kernel=kernel,
                manufacturer="Philips",
                frame_of_reference=frame,
                StudyInstanceUID=study,
                AcquisitionNumber="1",
            )
            frame = written.frame_of_reference
        (root / patient / _ANNOTATIONS).mkdir()
        write_nifti(root / patient / _ANNOTATIONS / "reader1.nii.gz", truth)
        write_rtstruct(root / patient / _ANNOTATIONS / "reader2.dcm", {"disease": other}, frame_of_reference=frame)
    (root / "patients.csv").write_text("patient,role\nP01,train\nP02,test\n")
    (root / "annotated_slices.csv").write_text("patient,reader,slice\nP02,reader1,3\nP02,reader1,5\n")


def _patient_folders(root: Path) -> list[Path]:
    folders = [p for p in sorted(root.glob("*")) if p.is_dir() and not p.name.startswith(".")]
    if not folders:
        raise _fault("", f"no patient folder in {root}", "<patient>/<any folders>/*.dcm", DATASET.access)
    for number, folder in enumerate(folders, start=1):
        if not _IDENTIFIER.fullmatch(folder.name):  # not quoted: it may be a person's name
            found = f"a patient folder (number {number} of {len(folders)}, sorted) named with other characters"
            raise _fault("", found, "letters, digits and _ only", "rename it to a pseudonym")
    return folders


def _read_patient(folder: Path, choices: _Choices, role: Role, slices: Mapping[str, list[int]]) -> list[Case]:
    patient = folder.name
    files = find_case_files(folder, dataset=DATASET.name, case=patient)
    files = [path for path in files if path.relative_to(folder).parts[0] != _ANNOTATIONS]
    pair = find_pair(
        files,
        table=choices.table,
        dataset=DATASET.name,
        case=patient,
        other_grid=choices.other_grid,
        tilt=choices.tilt,
        evidence=choices.evidence,
    )
    series: dict[str, DicomSeries] = {"LK": pair.sharp_series, "MK": pair.soft_series}
    variants = list(series) if pair.grid_difference is None else [choices.annotated]
    annotated = series[variants[0]]
    annotations = _find_annotations(folder / _ANNOTATIONS, choices, annotated)
    drawn = {reader: _slice_indices(listed, annotated, reader) for reader, listed in slices.items()}
    covariates = {
        "kernel_table_sha256": choices.table.sha256,
        SAME_ACQUISITION: pair.match.grade,
    }
    cases = [
        Case(
            patient=patient,
            case=patient,
            images={variant: partial(load_dicom_series, series[variant]) for variant in variants},
            annotations=annotations,
            annotated_slices=drawn,
            role=role,
            covariates=covariates,
        )
    ]
    for variant in series.keys() - set(variants):
        moved = {
            reader: partial(_transferred, load, annotated, drawn.get(reader), choices.transfer)
            for reader, load in annotations.items()
        }
        images = {variant: partial(load_dicom_series, series[variant])}
        cases.append(Case(patient, f"{patient}_{variant}", images, moved, role=role, covariates=covariates))
    return cases


def _transferred(
    load: Callable[[sitk.Image], sitk.Image],
    annotated: DicomSeries,
    slices: tuple[int, ...] | None,
    method: Method,
    grid: sitk.Image,
) -> sitk.Image:
    """Load an annotation on the annotated series' grid, leave its other slices open, bring it to the wanted grid."""
    own = load(annotated.on_grid(np.zeros(annotated.size_xyz[::-1], np.uint8)))
    values = sitk.GetArrayFromImage(own)
    if slices is not None:
        values[np.setdiff1d(np.arange(len(values)), slices)] = IGNORED
    return transfer_labels(annotated.on_grid(values), grid, method=method)


def _find_annotations(folder: Path, choices: _Choices, series: DicomSeries) -> Annotations:
    found: dict[str, Callable[[sitk.Image], sitk.Image]] = {}
    files = sorted(p for p in folder.glob("*") if p.is_file() and not p.name.startswith("."))
    for path in (p for p in files if p.suffix not in _DETACHED):
        reader, _, ending = path.name.partition(".")
        if f".{ending}" not in (*ENDINGS, ".dcm") or not _IDENTIFIER.fullmatch(reader) or reader in found:
            wanted = "one <reader>.nii.gz or <reader>.dcm per reader; letters, digits and _ in the name"
            raise _fault(series.case, f"{_ANNOTATIONS}/{shown_name(path, files)}", wanted, "rename or remove the file")
        if ending == "dcm":
            found[reader] = partial(_read_drawn, path, choices.roi, series)
        else:
            resampled = choices.mask_grid == "resample"
            found[reader] = partial(read_mask, path, dataset=DATASET.name, case=series.case, resampled=resampled)
    if not found:
        wanted = "<reader>.nii.gz or <reader>.dcm"
        raise _fault(
            series.case, f"no file in {_ANNOTATIONS}", wanted, "add the readers' masks, or leave the patient out"
        )
    return found


def _read_drawn(path: Path, roi: str, series: DicomSeries, grid: sitk.Image) -> sitk.Image:
    name, case, frame = DATASET.name, series.case, series.frame_of_reference
    if read_headers([path], dataset=name, case=case)[0].get("Modality") == "SEG":
        return read_segments(path, grid, segments={roi: 1}, frame_of_reference=frame, dataset=name, case=case)
    return rasterise_rtstruct(path, roi, grid, frame_of_reference=frame, dataset=name, case=case)


def _slice_indices(listed: list[int], series: DicomSeries, reader: str) -> tuple[int, ...]:
    """Array indices of slices counted from the feet: the other way round where the array runs downward."""
    last = series.size_xyz[2] - 1
    if not all(0 <= index <= last for index in listed):
        found = f"slices {min(listed)} to {max(listed)} of {reader} in annotated_slices.csv"
        raise _fault(series.case, found, f"0 to {last}", "count slices from 0 at the feet")
    upward = np.reshape(series.direction, (3, 3))[2, 2] > 0
    return tuple(sorted({index if upward else last - index for index in listed}))


def _fault(case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)
