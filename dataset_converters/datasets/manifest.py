"""Own collection in any folders: a table says where every image and mask is, of whom, and how it was made.

Paper
    Your own data; nothing is assumed about it.
Access
    Your own files; nothing leaves your machine. No name, date or identifier is kept from them: a case and a patient
    are called as the table calls them, so write pseudonyms there.
Licence
    As agreed for the data (``licence`` in ``manifest.toml``).
Layout
    A folder with ``manifest.csv``: one line per image, UTF-8, delimiter comma, semicolon or tab. For example::

        case,patient,image,variant,kernel,role,age,sex,mask:reader1,mask:reader2,slices:reader2
        P01a,P01,P01/lung.nii.gz,LK,B70f,train,63,F,P01/masks/one.nii.gz,,
        P01a,P01,P01/soft,MK,B31f,train,63,F,,,
        P02a,P02,P02/ct.mha,MK,STANDARD,test,71,M,P02/one.nrrd,P02/two.dcm,40 45 50-54

    ``case``                  pseudonym of one image or visit: letters, digits, ``_``. Lines of one case are its
                              variants, on one grid; what they share may stand on one line or on each.
    ``image``                 path below the folder: ``.nii.gz .nii .mha .mhd .nrrd .nhdr``, or a folder of DICOM.
    ``patient``               pseudonym; default: the case. Training and test are split by patient.
    ``variant``               default ``CT``; ``variant_kind`` is native (default), emulated, learned or simulated.
    ``kernel``                reconstruction kernel; picks the series in a DICOM folder that holds several.
    ``role``                  ``train``, ``test`` or nothing. A case without any mask must be ``test``.
    ``mask:READER``           one file with all structures of this reader: a label map (same endings as images), an
                              RTSTRUCT or a DICOM SEG object. Needs ``manifest.toml``.
    ``mask:READER:STRUCTURE`` or one file per structure: 0 and 1 (or 255), or the ROI or segment of that name, or one
                              session of an LIDC-IDRI reading, ``P01/reading.xml#2`` (below). A file may serve several
                              variants and readers of one case, never two cases: copy it if it belongs to both.
    ``slices:READER``         slices the reader annotated, counted from 0 at the feet: ``3 5 9-12``; absent: all. The
                              others are ignored in training and scoring.
    ``age``, ``sex``, ``covariate:NAME``  a number or a word, for statistics.

    ``manifest.toml`` says what the masks hold; the order is the priority where masks overlap (later wins)::

        title = "Chest CT of our department"
        licence = "not for redistribution"
        lung_definition = "trachea out, tumour in, effusion out"
        unlisted = "background"                             # other values in label maps; default: refuse
        [labels]
        right_lung = [2, "Lung_R"]                          # value 2 in label maps, ROI or segment Lung_R
        left_lung = [1, "Lung_L"]
        tumour = { source = [3, "GTV-1"], optional = true }  # an RTSTRUCT or SEG may lack it
        background = [7]                                    # value 7 counts as background too
        ignore = [255]                                      # voxels left open

    LIDC-IDRI readings (``LidcReadMessage`` XML) need the DICOM series that was read, found by its slices, and a column
    per reader; ``#2`` is the second session of the file, which need not be the same person in another file::

        case,image,mask:session1:nodule,mask:session2:nodule
        L01,L01/slices,L01/reading.xml#1,L01/reading.xml#2

    The mask is every nodule of 3 mm or larger, the outline's own pixels left out; marks of one point are no outline.

    Without it the columns ``mask:READER:STRUCTURE`` name the structures. Everything wrong with the table is reported
    at once, with line numbers; cells are never printed.
Labels
    As ``manifest.toml`` or the columns say.
Lung definition
    As ``manifest.toml`` says; write down whether trachea, tumour and effusion count as lung.
Kernels
    Column ``kernel`` for image files; read from the files for DICOM.
Faults
    An image on several lines, a mask on lines of several cases, paths out of the folder, masks on another grid and
    unknown label values are refused; ``resampled = true`` allows masks of another grid.
"""

from pathlib import Path

from dataset_converters.dicom.sample import write_ct_series, write_rtstruct
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.manifest_cases import Tilt, manifest_cases
from dataset_converters.sources.manifest_labels import LABELS, describe_manifest, read_labels_file
from dataset_converters.sources.manifest_table import MANIFEST, read_manifest
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

DATASET = DatasetInfo(
    name="manifest",
    dataset_id=731,
    title="Own images and masks listed in a table",
    paper="own data",
    access="your own files, listed in manifest.csv as dataset_converters/datasets/manifest.py says",
    licence="as agreed for the data; not for redistribution by default",
    citation="own data",
    labels={"background": 0, "lung": 1},
    variants={"CT": "native"},
    lung_definition="not stated: write lung_definition in manifest.toml",
    options={
        "table": f"name of the table below the folder (default: {MANIFEST})",
        "resampled": "true: masks on another grid are resampled, uncovered voxels ignored (default: false, refused)",
        "tilt": "DICOM slices of a tilted gantry: refuse (default) or shear",
    },
    layout="own data",
)


def describe(root: Path, *, table: str = MANIFEST, resampled: bool = False, tilt: Tilt = "refuse") -> DatasetInfo:
    """What the table says the dataset is: its labels, variants and texts.

    Raises
    ------
    ConversionError
        No table, wrong columns, or a wrong ``manifest.toml``.
    """
    manifest = read_manifest(root, dataset=DATASET.name, table=table)
    return describe_manifest(DATASET, manifest, read_labels_file(root, manifest, dataset=DATASET.name))


def list_cases(root: Path, *, table: str = MANIFEST, resampled: bool = False, tilt: Tilt = "refuse") -> list[Case]:
    """Cases of the table, in its order; pixels are read when their loaders are called.

    Raises
    ------
    ConversionError, ConversionErrors
        The table or ``manifest.toml`` is wrong; all faulty lines at once, each with its number.
    """
    manifest = read_manifest(root, dataset=DATASET.name, table=table)
    labels = read_labels_file(root, manifest, dataset=DATASET.name)
    return manifest_cases(manifest, labels, dataset=DATASET.name, resampled=resampled, tilt=tilt)


def make_sample(root: Path) -> None:
    """Write two invented patients, one with two kernels, read from NIfTI, NRRD, DICOM slices and an RTSTRUCT."""
    first, soft, second = sample_chest(1, noise_hu=60.0), sample_chest(1, noise_hu=15.0), sample_chest(2)
    write_sample(root / "P01" / "lung.nii.gz", first.image)
    write_sample(root / "P01" / "soft.nrrd", soft.image)
    write_sample(root / "P01" / "one.nrrd", first.labels(right_lung=2, left_lung=1, tumour=3))
    series = write_ct_series(root / "P02" / "slices", second.image, kernel="STANDARD", manufacturer="GE MEDICAL")
    rois = {"Lung_R": second.structures["right_lung"], "Lung_L": second.structures["left_lung"]}
    write_rtstruct(root / "P02" / "rs.dcm", rois, frame_of_reference=series.frame_of_reference)
    (root / LABELS).write_text(
        'licence = "CC0"\nlung_definition = "trachea out, tumour out, effusion in"\n'
        '[labels]\nright_lung = [2, "Lung_R"]\nleft_lung = [1, "Lung_L"]\n'
        'tumour = { source = [3, "GTV-1"], optional = true }\n'
    )
    (root / MANIFEST).write_text(
        "case,patient,image,variant,kernel,role,age,sex,mask:reader1,slices:reader1\n"
        "P01a,P01,P01/lung.nii.gz,LK,B70f,train,63,F,P01/one.nrrd,\n"
        "P01a,P01,P01/soft.nrrd,MK,B31f,,,,,\n"
        "P02a,P02,P02/slices,MK,,test,71,M,P02/rs.dcm,3 5-7\n"
    )
