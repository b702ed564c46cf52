"""The CT series of a patient and the one contour set or segmentation drawn on it, told by tags and never by names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataset_converters.dicom.tree import ct_of, find_series, only_series
from dataset_converters.errors import ConversionError

Modality = Literal["RTSTRUCT", "SEG"]


@dataclass(frozen=True)
class AnnotatedSeries:
    """One CT series and the object drawn on it.

    Attributes
    ----------
    slices : tuple of Path
        The files of the CT series.
    drawn : Path
        The RTSTRUCT or SEG file.
    frame_of_reference : str
        FrameOfReferenceUID of the CT, in memory only.
    """

    slices: tuple[Path, ...]
    drawn: Path
    frame_of_reference: str


def find_annotated_series(folder: Path, modality: Modality, *, dataset: str, case: str) -> AnnotatedSeries:
    """Return the one object of a modality below a patient's folder, and the CT series it was drawn on.

    Of several CT series the one counts that the object refers to (`dicom_tree.ct_of`).

    Raises
    ------
    ConversionError
        No object or several; no CT or several that fit: what was found is told.
    """
    found = find_series(folder, dataset=dataset, case=case)
    drawn = only_series(found, modality=modality, dataset=dataset, case=case)
    if len(drawn.files) != 1:
        raise ConversionError(
            dataset,
            case,
            found=f"{len(drawn.files)} {modality} files",
            wanted=f"1 {modality} file",
            action=f"leave one {modality} file in the folder of the case, or exclude the case with a reason",
        )
    scan = ct_of(found, drawn, dataset=dataset, case=case)
    return AnnotatedSeries(scan.files, drawn.files[0], scan.frame_of_reference)
