"""A multi-frame (enhanced) CT object as headers of single slices.

Enhanced CT keeps what all frames share in one sequence and what differs in another (DICOM PS3.3, section C.7.6.16
Multi-frame Functional Groups, A.38 Enhanced CT Image, A.70 Legacy Converted Enhanced CT Image).
"""

from collections.abc import Mapping

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dataset_converters.errors import ConversionError

_CLASSES = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "PlanePositionSequence": {"ImagePositionPatient": "ImagePositionPatient"},
    "PlaneOrientationSequence": {"ImageOrientationPatient": "ImageOrientationPatient"},
    "PixelMeasuresSequence": {"PixelSpacing": "PixelSpacing", "SliceThickness": "SliceThickness"},
    "PixelValueTransformationSequence": {
        "RescaleSlope": "RescaleSlope",
        "RescaleIntercept": "RescaleIntercept",
        "RescaleType": "RescaleType",
    },
    "CTReconstructionSequence": {
        "ConvolutionKernel": "ConvolutionKernel",
        "ReconstructionDiameter": "ReconstructionDiameter",
    },
    "CTXRayDetailsSequence": {"KVP": "KVP", "FilterType": "FilterType"},
    "CTExposureSequence": {
        "ExposureInmAs": "Exposure",
        "ExposureTimeInms": "ExposureTime",
        "XRayTubeCurrentInmA": "XRayTubeCurrent",
        "CTDIvol": "CTDIvol",
    },
    "CTTableDynamicsSequence": {"SpiralPitchFactor": "SpiralPitchFactor"},
    "CTImageFrameTypeSequence": {"FrameType": "ImageType"},
    "FrameContentSequence": {
        "FrameAcquisitionNumber": "AcquisitionNumber",
        "StackID": "StackID",
        "TemporalPositionIndex": "TemporalPositionIndex",
    },
}
"""Sequence of a functional group to its attributes, and how a single-frame file calls each."""
_CONVERTED_GROUPS = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
_CONVERTED = (
    "ConvolutionKernel",
    "KVP",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "ReconstructionDiameter",
    "SpiralPitchFactor",
    "CTDIvol",
    "AcquisitionNumber",
    "ScanOptions",
    "FilterType",
)
"""What a converted object keeps under the name it had in the single-frame files."""
_WHOLE = ("Exposure", "ExposureTime", "XRayTubeCurrent")  # whole numbers in single-frame files
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


def is_enhanced_ct(header: pydicom.Dataset) -> bool:
    """Tell multi-frame CT objects, also those converted from single-frame files."""
    return str(header.get("SOPClassUID") or "") in _CLASSES


def split_frames(header: pydicom.Dataset, *, dataset: str, case: str) -> list[pydicom.Dataset]:
    """Return one header per frame, with the names a single-frame file has; ``frame`` counts from 0.

    Raises
    ------
    ConversionError
        The number of frames is not that of the per-frame attributes; several stacks or points in time in one object.
    """
    count = str(header.get("NumberOfFrames") or 1)
    items = list(header.get(_PER_FRAME) or ())
    if count != str(len(items)):
        number = count if count.isdigit() and len(count) < 8 else "another number of"
        raise ConversionError(
            dataset,
            case,
            found=f"a multi-frame file of {number} frames, with attributes for {len(items)} of them",
            wanted="attributes (position...) for every frame",
            action="the file may be cut off; copy or export it again",
        )
    shared = _attributes((header.get(_SHARED) or [pydicom.Dataset()])[0])
    common = _common(header)
    frames = []
    for index, item in enumerate(items):
        frame = pydicom.Dataset(dict(common))
        for name, value in (shared | _attributes(item)).items():
            _replace(frame, name, value)
        frame.file_meta, frame.pixels, frame.references = header.file_meta, header.pixels, header.references
        frame.filename, frame.frame = header.filename, index
        frames.append(frame)
    _refuse_several(frames, "StackID", "stacks", (dataset, case))
    _refuse_several(frames, "TemporalPositionIndex", "points in time", (dataset, case))
    return frames


def _common(header: pydicom.Dataset) -> dict[pydicom.tag.BaseTag, pydicom.DataElement]:
    """Elements of the whole object that its frames do not have."""
    left_out = (_SHARED, _PER_FRAME, "NumberOfFrames")
    return {element.tag: element for element in header if element.keyword not in left_out}


def _attributes(item: pydicom.Dataset) -> dict[str, object]:
    found: dict[str, object] = {}
    groups = {**_GROUPS, **{group: {name: name for name in _CONVERTED} for group in _CONVERTED_GROUPS}}
    for sequence, names in groups.items():
        for group in item.get(sequence) or ():
            found |= {name: group[source].value for source, name in names.items() if group.get(source) is not None}
    return found


def _replace(frame: pydicom.Dataset, name: str, value: object) -> None:
    """Set an attribute to an element of its own: the others are shared by all frames."""
    tag = tag_for_keyword(name)
    assert tag is not None
    if name in _WHOLE and value is not None:
        value = round(float(str(value)))
    frame.add_new(tag, dictionary_VR(tag), value)


def _refuse_several(frames: list[pydicom.Dataset], name: str, what: str, where: tuple[str, str]) -> None:
    counts: dict[str, int] = {}
    for frame in frames:
        key = str(frame.get(name) or "")
        counts[key] = counts.get(key, 0) + 1
    if len(counts) > 1:
        numbers = ", ".join(map(str, sorted(counts.values(), reverse=True)[:6]))
        raise ConversionError(
            *where,
            found=f"a multi-frame file with {len(counts)} {what} of {numbers} frames",
            wanted=f"1 of the {what}",
            action="export each as a series of its own",
        )
