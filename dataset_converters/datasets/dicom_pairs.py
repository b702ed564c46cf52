"""Your own studies: DICOM CT with a lung and a mediastinal kernel per patient, annotated by one or several readers.

Paper
    The protocol of Hoang-Thi et al. 2021, Diagn Interv Imaging 102:691-695 (one annotation, two kernels).
Access, licence
    Yours; nothing leaves your machine. No name, date or identifier is kept from the files: the patient is called as the
    folder is.
Layout
    ``<patient>/<any folders>/*.dcm``      CT series, told apart by SeriesInstanceUID and kernel; exactly one with a
    sharp (lung) and one with a soft (mediastinal) kernel, on one grid. Localizers and other objects are left out.

    ``<patient>/annotations/<reader>.nii.gz``  mask of 0 and 1 on the grid of the series, or ``<reader>.dcm``: RTSTRUCT.

    ``patients.csv`` (optional)            columns ``patient,role``; role ``train`` or ``test``; every patient once.

    ``annotated_slices.csv`` (optional)    columns ``patient,reader,slice``, one line per slice that the reader
    annotated; slices count from 0 at the feet upward. A reader who is absent annotated every slice.

    ``<patient>`` and ``<reader>`` consist of letters, digits and ``_``. A reader is a slot (``reader1``,
    ``reader2``): where each slice was read twice, but not always by the same two people, put the first reading
    of every slice into ``reader1``. Scores are averaged over slots.
Labels
    1 disease.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.case_list import collect_cases
from dataset_converters.dicom_headers import find_dicom_files
from dataset_converters.dicom_sample import ball_mask, ct_of_mask, write_ct_series, write_rtstruct
from dataset_converters.dicom_series import DicomSeries, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernel_names import KernelTable, load_kernel_table
from dataset_converters.kernel_pair import find_kernel_pair
from dataset_converters.mask_file import read_mask
from dataset_converters.nifti import write_nifti
from dataset_converters.patient_tables import Role, read_annotated_slices, read_roles
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.rtstruct import rasterise_rtstruct

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
        "roi": "name of the ROI in the readers' RTSTRUCT files (default: disease)",
        "kernel_table": "TOML file that classes kernels, laid over dataset_converters/kernel_table.toml",
    },
)

_ANNOTATIONS = "annotations"
_IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")


def list_cases(root: Path, *, roi: str = "disease", kernel_table: str | Path = "") -> list[Case]:
    """Cases below ``root``, one per patient folder; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError
        The layout is not as described above, or `find_kernel_pair` refuses a patient's series; all
        faulty patients at once (`ConversionErrors`).
    """
    folders = [p for p in sorted(root.glob("*")) if p.is_dir() and not p.name.startswith(".")]
    if not folders:
        raise _fault("", f"no patient folder in {root}", "<patient>/<any folders>/*.dcm", DATASET.access)
    for number, folder in enumerate(folders, start=1):
        if not _IDENTIFIER.fullmatch(folder.name):  # not quoted: it may be a person's name
            found = f"a patient folder (number {number} of {len(folders)}, sorted) named with other characters"
            raise _fault("", found, "letters, digits and _ only", "rename it to a pseudonym")
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    patients = {folder.name for folder in folders}
    roles = read_roles(root / "patients.csv", patients, dataset=DATASET.name)
    slices = read_annotated_slices(root / "annotated_slices.csv", patients, dataset=DATASET.name)

    def read(folder: Path) -> Case:
        return _read_case(folder, roi, table, roles.get(folder.name, ""), slices.get(folder.name, {}))

    return collect_cases(DATASET.name, folders, read)


def make_sample(root: Path) -> None:
    """Write two tiny synthetic patients with two kernels and two readers (one NIfTI mask, one RTSTRUCT each)."""
    for seed, patient in enumerate(("P01", "P02")):
        size_xyz, spacing_mm = (20, 18, 8), (0.8, 0.8, 3.0)
        truth, other = (ball_mask(size_xyz=size_xyz, spacing_mm=spacing_mm, radius_mm=r + seed) for r in (6.0, 5.0))
        frame = ""
        for folder, kernel, noise_hu in (("lung", "L", 60.0), ("soft", "B", 15.0)):
            ct = ct_of_mask(truth, noise_hu=noise_hu, seed=seed)
            written = write_ct_series(
                root / patient / folder, ct, kernel=kernel, manufacturer="Philips", frame_of_reference=frame
            )
            frame = written.frame_of_reference
        (root / patient / _ANNOTATIONS).mkdir()
        write_nifti(root / patient / _ANNOTATIONS / "reader1.nii.gz", truth)
        write_rtstruct(root / patient / _ANNOTATIONS / "reader2.dcm", {"disease": other}, frame_of_reference=frame)
    (root / "patients.csv").write_text("patient,role\nP01,train\nP02,test\n")
    (root / "annotated_slices.csv").write_text("patient,reader,slice\nP02,reader1,3\nP02,reader1,5\n")


def _read_case(folder: Path, roi: str, table: KernelTable, role: Role, slices: Mapping[str, list[int]]) -> Case:
    case = folder.name
    files = [p for p in find_dicom_files(folder) if p.relative_to(folder).parts[0] != _ANNOTATIONS]
    sharp, soft = find_kernel_pair(files, table=table, dataset=DATASET.name, case=case)
    return Case(
        patient=case,
        case=case,
        images={"LK": partial(load_dicom_series, sharp), "MK": partial(load_dicom_series, soft)},
        annotations=_find_annotations(folder / _ANNOTATIONS, roi, sharp),
        annotated_slices={reader: _slice_indices(listed, sharp, reader) for reader, listed in slices.items()},
        role=role,
    )


def _find_annotations(folder: Path, roi: str, series: DicomSeries) -> dict[str, Callable[[sitk.Image], sitk.Image]]:
    found: dict[str, Callable[[sitk.Image], sitk.Image]] = {}
    for path in sorted(p for p in folder.glob("*") if p.is_file() and not p.name.startswith(".")):
        reader, _, ending = path.name.partition(".")
        if ending not in ("nii.gz", "nii", "dcm") or not _IDENTIFIER.fullmatch(reader) or reader in found:
            wanted = "one <reader>.nii.gz or <reader>.dcm per reader; letters, digits and _ in the name"
            raise _fault(series.case, f"{_ANNOTATIONS}/{path.name}", wanted, "rename or remove the file")
        if ending == "dcm":
            frame = series.frame_of_reference
            found[reader] = partial(_read_contours, path, roi, frame, series.case)
        else:
            found[reader] = partial(read_mask, path, dataset=DATASET.name, case=series.case)
    if not found:
        wanted = "<reader>.nii.gz or <reader>.dcm"
        raise _fault(
            series.case, f"no file in {_ANNOTATIONS}", wanted, "add the readers' masks, or leave the patient out"
        )
    return found


def _read_contours(path: Path, roi: str, frame_of_reference: str, case: str, grid: sitk.Image) -> sitk.Image:
    return rasterise_rtstruct(path, roi, grid, dataset=DATASET.name, case=case, frame_of_reference=frame_of_reference)


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
