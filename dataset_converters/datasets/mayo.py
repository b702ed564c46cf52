"""AAPM/Mayo 2016 low-dose CT challenge: abdomens with a smooth (B30) and a sharp (D45) kernel of one acquisition.

Paper
    McCollough et al. 2017, Med Phys 44:e339-e352.
Access
    By registration and data use agreement with the Mayo Clinic (https://www.aapm.org/grandchallenge/lowdosect/); the
    training images of ten patients.
Licence
    Data use agreement; no redistribution. What TCIA publishes (LDCT-and-Projection-data) has one kernel and two doses.
Layout
    Every ``.IMA`` file (DICOM) below the folder whose path has a part ``Lnnn`` (patient) and a part
    ``{full,quarter}_{1,3}mm[_sharp]`` (dose, slice thickness, kernel), as in
    ``Training_Image_Data/1mm B30/full_1mm/L067/full_1mm/*.IMA`` and ``.../1mm D45/full_1mm_sharp/L067/...``, and in the
    older ``Training Cases/L067/full_1mm_sharp/*.IMA``. From public programs that read the files.
Labels, lung definition
    Images alone; portal-venous abdomen, the lung bases at most. ``lung`` is only named because a dataset names one.
Kernels
    B30 (smooth) and D45 (sharp); the numeral's letter is dropped. Cases are a patient, dose and thickness:
    ``L067_full_1mm``; a case lacks a kernel that is not there. Quarter dose is simulated noise on the full dose.
"""

import re
from collections import defaultdict
from functools import partial
from pathlib import Path

from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import DicomSeries, inspect_dicom_series, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.sample_volumes import sample_chest
from dataset_converters.volumes.grid import grid_difference

DATASET = DatasetInfo(
    name="mayo",
    dataset_id=742,
    title="AAPM/Mayo low-dose CT challenge 2016: abdomen with kernels B30 and D45",
    paper="McCollough CH, Bartley AC, Carter RE, et al. Low-dose CT for the detection and classification of metastatic "
    "liver lesions: results of the 2016 Low Dose CT Grand Challenge. Med Phys 2017;44:e339-e352. doi:10.1002/mp.12345",
    access="registration and data use agreement: https://www.aapm.org/grandchallenge/lowdosect/",
    licence="data use agreement with the Mayo Clinic; no redistribution",
    citation="McCollough et al. 2017, Med Phys 44:e339-e352",
    labels={"background": 0, "lung": 1},
    variants={"B30": "native", "D45": "native"},
    lung_definition="no annotation; the lung bases at most are on the images",
    faults=(
        "The quarter-dose images are full-dose ones with simulated noise: cases of their own, of the same patient.",
    ),
    layout="public programs",
)

_PATIENT = re.compile(r"L\d{3}")
_SERIES = re.compile(r"(?P<dose>full|quarter)_(?P<mm>[13])mm(?P<sharp>_sharp)?", re.IGNORECASE)
_KERNEL = re.compile(r"([BD])(30|45)[a-z]?", re.IGNORECASE)

_Folders = dict[str, list[Path]]


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root`` by patient, dose and slice thickness, all of role ``test``: there is no annotation.

    Raises
    ------
    ConversionError
        No ``.IMA`` file of the layout; a series whose kernel is another than its folder says, or that is not one
        uniform stack; two kernels on different grids; all faulty cases at once (`ConversionErrors`).
    """
    found: dict[str, _Folders] = defaultdict(lambda: defaultdict(list))
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() == ".ima" and p.is_file()):
        parts = path.relative_to(root).parts[:-1]
        patients = [part for part in parts if _PATIENT.fullmatch(part)]
        series = [match for part in parts if (match := _SERIES.fullmatch(part))]
        if patients and series:
            name = f"{patients[-1]}_{series[-1]['dose'].lower()}_{series[-1]['mm']}mm"
            found[name]["D45" if series[-1]["sharp"] else "B30"].append(path)
    if not found:
        raise ConversionError(
            DATASET.name,
            "",
            found=f"no .IMA file below folders Lnnn and full_1mm, full_1mm_sharp... in {root}",
            wanted="Training_Image_Data/1mm B30/full_1mm/L067/full_1mm/*.IMA",
            action=f"obtain the data ({DATASET.access}) and give the folder that holds Training_Image_Data",
        )
    return collect_cases(DATASET.name, [Path(name) for name in sorted(found)], lambda n: _read_case(n.name, found))


def make_sample(root: Path) -> None:
    """Write two invented patients at full dose and 1 mm with both kernels, in the layout of the training images."""
    for seed, patient in enumerate(("L067", "L096")):
        frame = ""
        for kernel, series, noise_hu in (("B30f", "full_1mm", 10.0), ("D45f", "full_1mm_sharp", 30.0)):
            folder = root / "Training_Image_Data" / f"1mm {kernel[:3]}" / series / patient / series
            image = sample_chest(seed, noise_hu=noise_hu).image
            written = write_ct_series(folder, image, kernel=kernel, manufacturer="SIEMENS", frame_of_reference=frame)
            frame = written.frame_of_reference
            for number, path in enumerate(written.files, start=1):
                path.rename(folder / f"{patient}_FD_1_{'SHARP_' if kernel[0] == 'D' else ''}1.CT.0001.{number:04d}.IMA")


def _read_case(case: str, found: dict[str, _Folders]) -> Case:
    series = {kernel: _read_series(kernel, files, case) for kernel, files in sorted(found[case].items())}
    if len(series) == 2 and (difference := grid_difference(series["B30"].grid, series["D45"].grid)):
        raise ConversionError(
            DATASET.name,
            case,
            found=f"a D45 series of {difference[0]}",
            wanted=f"the B30 series' {difference[1]}",
            action="check that both folders are complete; else leave one of them out",
        )
    images = {kernel: partial(load_dicom_series, one) for kernel, one in series.items()}
    return Case(patient=case[:4], case=case, images=images, annotations={}, role="test")


def _read_series(kernel: str, files: list[Path], case: str) -> DicomSeries:
    headers = read_headers(files, dataset=DATASET.name, case=case)
    series = inspect_dicom_series(headers, dataset=DATASET.name, case=case)
    said = _KERNEL.fullmatch(series.facts.get("kernel", "").split("\\")[0].strip())
    if not said or "".join(said.groups()).upper() != kernel:
        raise ConversionError(
            DATASET.name,
            case,
            found="a series of another kernel or without one",
            wanted=f"kernel {kernel} as its folder says",
            action="check that the folders are as published",
        )
    return series
