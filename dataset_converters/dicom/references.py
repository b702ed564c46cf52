"""Which images a contour set or segmentation says it was drawn on."""

from dataclasses import dataclass

import pydicom


@dataclass(frozen=True)
class References:
    """For comparison only, never for output.

    Attributes
    ----------
    series : frozenset of str
        SeriesInstanceUIDs of the images; empty if none are named.
    frame_of_reference : str
        FrameOfReferenceUID of the object or, where it has none of its own, of all its structures.
    """

    series: frozenset[str]
    frame_of_reference: str


def references_of(header: pydicom.Dataset) -> References:
    """Return what an RTSTRUCT (by frame of reference and study) or a SEG refers to; of an image its own frame."""
    own = str(header.get("FrameOfReferenceUID") or "")
    frames = list(header.get("ReferencedFrameOfReferenceSequence") or ())
    nested = {str(item.get("FrameOfReferenceUID") or "") for item in frames}
    items = list(header.get("ReferencedSeriesSequence") or ())
    for frame in frames:
        for study in frame.get("RTReferencedStudySequence") or ():
            items += study.get("RTReferencedSeriesSequence") or ()
    series = frozenset(str(item.SeriesInstanceUID) for item in items if item.get("SeriesInstanceUID"))
    return References(series, own or (nested.pop() if len(nested) == 1 else ""))
