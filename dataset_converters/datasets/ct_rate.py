"""CT-RATE: 25,692 chest CT scans of 21,304 patients, reconstructed with one or several kernels, as NIfTI.

Paper
    Hamamci et al. 2024, arXiv 2403.17834.
Access
    Gated: log in at https://huggingface.co/datasets/ibrahimhamamci/CT-RATE, accept the terms, and download with your
    own token. Take ``train_fixed`` or ``valid_fixed`` if you can: their headers are complete.
Licence
    CC BY-NC-SA 4.0, research only; the volumes and what is made of them must not be passed on outside its terms.
Layout
    ``train_1/train_1_a/train_1_a_1.nii.gz`` (patient, scan, reconstruction) below ``[dataset/]train``, ``valid``,
    ``train_fixed`` or ``valid_fixed``; ``train_metadata.csv`` and ``validation_metadata.csv`` anywhere below the
    folder, or named with option ``metadata``. From public programs that read the files.
Labels, lung definition
    Images alone; masks that others published were made by models. ``lung`` is only named because a dataset names one.
Kernels
    Of the table: LK sharp, MK soft, IK medium, UK unknown by the kernel table (its hash: covariate
    ``kernel_table_sha256``). Reconstructions of a scan on one grid are variants of a case named after the first:
    ``train_1_a_1``; another grid makes a further case. All cases of a patient are to stay on one side of any split.
Headers
    The volumes of ``train`` and ``valid`` have blank headers and stored values: spacing, axes, position, slope and
    intercept are taken from the table, as the publishers' own correction does. Those of ``..._fixed`` are used as they
    are, if they agree with the table.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import KernelTable, classify_kernel, load_kernel_table
from dataset_converters.kernels.variants import VARIANTS, Reconstruction, group_reconstructions, variant_of
from dataset_converters.records import Case, CtImage, DatasetInfo
from dataset_converters.sources.case_lists import collect_case_lists
from dataset_converters.sources.ct_rate_table import RateRow, read_rate_table, read_stored_volume
from dataset_converters.sources.sample_volumes import sample_chest
from dataset_converters.volumes.grid import grid_of
from dataset_converters.volumes.image_file import read_image
from dataset_converters.volumes.nifti import write_nifti

DATASET = DatasetInfo(
    name="ct_rate",
    dataset_id=741,
    title="CT-RATE: chest CT with reports, several reconstructions a scan",
    paper="Hamamci IE, Er S, Almas F, et al. Developing generalist foundation models from a multimodal dataset for 3D "
    "computed tomography. arXiv:2403.17834, 2024",
    access="gated, own account and accepted terms: https://huggingface.co/datasets/ibrahimhamamci/CT-RATE",
    licence="CC BY-NC-SA 4.0, gated; research only, no redistribution outside its terms",
    citation="Hamamci et al. 2024, arXiv:2403.17834",
    labels={"background": 0, "lung": 1},
    variants=VARIANTS,
    lung_definition="no annotation",
    faults=(
        "Volumes of train and valid have blank headers: spacing, axes, slope and intercept from the metadata table.",
        "The table gives one position a volume without saying of which slice: taken as the first, as the publishers "
        "do; heights may be off by the scan's length, the same for all reconstructions.",
    ),
    options={
        "metadata": "folder of train_metadata.csv and validation_metadata.csv (default: anywhere below the root)",
        "kernel_table": "TOML file that classes kernels, laid over dataset_converters/kernels/kernel_table.toml",
    },
    layout="public programs",
)

_SPACING_TOLERANCE = 1e-3
_VOLUME = re.compile(r"((train|valid)_\d+)_([a-z]+)_(\d+)\.nii\.gz")


def list_cases(root: Path, *, metadata: str | Path = "", kernel_table: str | Path = "") -> list[Case]:
    """Cases below ``root`` by patient and scan, all of role ``test``: there is no annotation.

    A volume that lies in both ``train`` and ``train_fixed`` is taken from the latter.

    Raises
    ------
    ConversionError
        No volume, no metadata table, a volume without a line in it; all faulty scans at once (`ConversionErrors`).
    """
    scans = _scans(root)
    rows = read_rate_table(Path(metadata) if metadata else root, dataset=DATASET.name)
    if not scans or not rows:
        raise ConversionError(
            DATASET.name,
            "",
            found=f"no {'volume' if not scans else 'metadata table'} in {root}",
            wanted="train_fixed/train_1/train_1_a/train_1_a_1.nii.gz... and train_metadata.csv",
            action=f"obtain the data ({DATASET.access}) and give the folder that holds both",
        )
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    return collect_case_lists(DATASET.name, scans, lambda scan: _read_scan(scan, scans[scan], rows, table))


def make_sample(root: Path) -> None:
    """Write two invented patients: a corrected scan with two kernels, a blank one with a second, thinner series."""
    lines = []
    for name, kernel, noise_hu, depth in (
        ("train_1_a_1", "['Br60f', '3']", 60.0, 12),
        ("train_1_a_2", "['Br36f', '3']", 15.0, 12),
        ("valid_2_b_1", "YA", 60.0, 12),
        ("valid_2_b_2", "B", 15.0, 24),
    ):
        fixed = name.startswith("train")
        spacing_mm = (14.0, 12.5, 264.0 / depth)
        image = sample_chest(
            1 if fixed else 2, noise_hu=noise_hu, size_xyz=(24, 20, depth), spacing_mm=spacing_mm
        ).image
        vendor = "SIEMENS" if fixed else "Philips"
        lines.append(_sample_line(name, vendor, kernel, image))
        split, number, scan, _ = name.split("_")
        folder = root / (f"{split}_fixed" if fixed else split) / f"{split}_{number}" / f"{split}_{number}_{scan}"
        folder.mkdir(parents=True, exist_ok=True)
        if fixed:
            write_nifti(folder / f"{name}.nii.gz", image)
        else:
            stored = (sitk.GetArrayFromImage(image).T + 1024).astype(np.int16)
            nib.save(nib.Nifti1Image(stored, None), folder / f"{name}.nii.gz")
    for table, start in (("train_metadata.csv", "train"), ("validation_metadata.csv", "valid")):
        (root / "metadata").mkdir(exist_ok=True)
        with (root / "metadata" / table).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(lines[0]))
            writer.writeheader()
            writer.writerows(line for line in lines if str(line["VolumeName"]).startswith(start))


def _sample_line(name: str, vendor: str, kernel: str, image: sitk.Image) -> dict[str, object]:
    (width, height, depth), (x_mm, y_mm, z_mm) = image.GetSize(), image.GetSpacing()
    return {
        "VolumeName": f"{name}.nii.gz",
        "Manufacturer": vendor,
        "ConvolutionKernel": kernel,
        "ImagePositionPatient": list(image.GetOrigin()),
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "Rows": height,
        "Columns": width,
        "XYSpacing": [x_mm, y_mm],
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "NumberofSlices": depth,
        "ZSpacing": z_mm,
    }


def _scans(root: Path) -> dict[str, dict[str, Path]]:
    """Volumes of every scan by name, sorted; corrected ones replace blank ones."""
    found: dict[tuple[str, int, str], dict[int, Path]] = defaultdict(dict)
    for path in sorted(root.rglob("*.nii.gz"), key=lambda p: (_is_fixed(p, root), p)):
        if match := _VOLUME.fullmatch(path.name):
            patient, split, scan, number = match.groups()
            found[split, int(patient.split("_")[1]), scan][int(number)] = path
    return {
        f"{split}_{patient}_{scan}": {path.name: path for _, path in sorted(volumes.items())}
        for (split, patient, scan), volumes in sorted(found.items())
    }


def _is_fixed(path: Path, root: Path) -> bool:
    return any(part.endswith("_fixed") for part in path.relative_to(root).parts)


def _read_scan(scan: str, volumes: Mapping[str, Path], rows: Mapping[str, RateRow], table: KernelTable) -> list[Case]:
    reconstructions = []
    for name, path in volumes.items():
        if name not in rows:
            raise ConversionError(
                DATASET.name,
                scan,
                found=f"{name} without a line in the metadata table",
                wanted="a line for every volume",
                action="use the table of the same release",
            )
        row = rows[name]
        row.check(dataset=DATASET.name, case=scan)
        kernel_class = classify_kernel(row.manufacturer, row.kernel, table=table)
        load = partial(_load, path, row, scan, kernel_class)
        variant = variant_of(kernel_class)
        reconstructions.append(Reconstruction(name.removesuffix(".nii.gz"), variant, row.grid, load))
    return [
        Case(
            patient=scan.rpartition("_")[0],
            case=next(iter(variants.values())).name,
            images={variant: one.load for variant, one in variants.items()},
            annotations={},
            role="test",
            covariates={"kernel_table_sha256": table.sha256},
        )
        for variants in group_reconstructions(reconstructions)
    ]


def _load(path: Path, row: RateRow, case: str, kernel_class: str) -> CtImage:
    facts = {**row.facts, "kernel_class": kernel_class}
    if not any(part.endswith("_fixed") for part in path.parts[-5:]):
        return read_stored_volume(path, row, dataset=DATASET.name, case=case, facts=facts)
    loaded = read_image(path, dataset=DATASET.name, case=case, facts=facts)
    found, wanted = grid_of(loaded.image), row.grid
    if found.size_xyz != wanted.size_xyz or not np.allclose(
        found.spacing_mm, wanted.spacing_mm, rtol=_SPACING_TOLERANCE
    ):
        raise ConversionError(
            DATASET.name,
            case,
            found=f"{path.name} of {found}",
            wanted=f"{wanted}, as the metadata table says",
            action="use volume and table of the same release, or exclude the case",
        )
    return loaded
