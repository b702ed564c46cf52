"""LTRC (Lung Tissue Research Consortium): CT of fibrotic lung disease and COPD with lungs and lobes, listed by a table.

Paper
    Lung Tissue Research Consortium, NHLBI (https://biolincc.nhlbi.nih.gov); used by Hofmanninger 2020 (36 scans to
    train, 105 to test) and by lungmask's lobe model.
Access
    On request. ltrcpublic.com takes no applications since September 2019: (1) ask NHLBI BioLINCC for the LTRC imaging,
    (2) sign the agreement, (3) write ``manifest.csv`` and ``manifest.toml`` beside the files as described below.
Licence
    As in the agreement with BioLINCC; not for redistribution.
Layout
    Unconfirmed: neither folders, file formats nor label values are public, so nothing is guessed. The table says where
    every image and mask is (`dataset_converters/datasets/manifest.py` describes it), for example::

        case,patient,image,variant,kernel,mask:manual
        P001_insp,P001,P001/insp,CT,B35f,P001/insp_lungs.nii.gz

    and ``manifest.toml`` what the masks hold; look at one mask before you write it::

        [labels]
        right_lung = [4, 5, 6]
        left_lung = [1, 2, 3]

    Each case gives ``<case>``; a visit with inspiration, expiration and prone images is three cases of one patient.
    Several reconstructions of one image are its variants (LK, MK ...), if they lie on one grid.
Labels
    As ``manifest.toml`` says; 1 right_lung and 2 left_lung are what the other datasets share.
Lung definition
    Semi-automatic: dense disease is largely left out (README of lungmask). Trachea: not known. Effusion: not known.
Kernels
    As the table's column ``kernel`` or the DICOM files say; GE BONE and STANDARD and several Siemens kernels are
    reported, so real pairs are likely.
Faults
    Lobes with dense disease or invisible fissures are reported to be wrong; not corrected.
"""

from pathlib import Path

from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.manifest_cases import Tilt, manifest_cases
from dataset_converters.sources.manifest_labels import LABELS, describe_manifest, read_labels_file
from dataset_converters.sources.manifest_table import Manifest, read_manifest
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

MANIFEST = "manifest.csv"

DATASET = DatasetInfo(
    name="ltrc",
    dataset_id=705,
    title="Lung Tissue Research Consortium CT with lungs and lobes, listed by a table of yours",
    paper="Lung Tissue Research Consortium, NHLBI; used in Hofmanninger J et al. Eur Radiol Exp 2020;4:50. "
    "doi:10.1186/s41747-020-00173-2",
    access="on request with agreement; NHLBI BioLINCC; then a table as dataset_converters/datasets/ltrc.py says",
    licence="as in the agreement with NHLBI BioLINCC; not for redistribution",
    citation="Lung Tissue Research Consortium (NHLBI)",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="semi-automatic: dense disease largely out; trachea and effusion not known",
    faults=(
        "Layout and label values are not public: a table names every file, nothing is guessed.",
        "Dense disease is largely left out of the lungs: reported, not corrected.",
    ),
    options={
        "table": f"name of the table below the folder (default: {MANIFEST})",
        "resampled": "true: masks on another grid are resampled, uncovered voxels ignored (default: false, refused)",
        "tilt": "DICOM slices of a tilted gantry: refuse (default) or shear",
    },
)


def describe(root: Path, *, table: str = MANIFEST, resampled: bool = False, tilt: Tilt = "refuse") -> DatasetInfo:
    """What the table says the dataset is: its labels, variants and texts.

    Raises
    ------
    ConversionError
        No table, wrong columns, or a wrong ``manifest.toml``.
    """
    manifest = _manifest(root, table)
    return describe_manifest(DATASET, manifest, read_labels_file(root, manifest, dataset=DATASET.name))


def list_cases(root: Path, *, table: str = MANIFEST, resampled: bool = False, tilt: Tilt = "refuse") -> list[Case]:
    """Cases of the table, in its order; pixels are read when their loaders are called.

    Raises
    ------
    ConversionError, ConversionErrors
        No table, or wrong lines; all faulty lines at once, each with its number.
    """
    manifest = _manifest(root, table)
    labels = read_labels_file(root, manifest, dataset=DATASET.name)
    return manifest_cases(manifest, labels, dataset=DATASET.name, resampled=resampled, tilt=tilt)


def make_sample(root: Path) -> None:
    """Write two invented patients and their table; the left lung's mask has two values, as lobes have."""
    lines = ["case,patient,image,mask:manual"]
    for number in (1, 2):
        patient, chest = f"P{number:03d}", sample_chest(number)
        write_sample(root / patient / "insp.nii.gz", chest.image)
        write_sample(root / patient / "lobes.nii.gz", chest.labels(right_lung=4, left_lung=1, disease=2))
        lines.append(f"{patient}_insp,{patient},{patient}/insp.nii.gz,{patient}/lobes.nii.gz")
    (root / MANIFEST).write_text("\n".join([*lines, ""]), encoding="utf-8")
    (root / LABELS).write_text("[labels]\nright_lung = [4, 5, 6]\nleft_lung = [1, 2, 3]\n", encoding="utf-8")


def _manifest(root: Path, table: str) -> Manifest:
    if not (root / table).is_file():
        raise layout_error(DATASET, root, wanted=f"{MANIFEST} and {LABELS} beside the files")
    return read_manifest(root, dataset=DATASET.name, table=table)
