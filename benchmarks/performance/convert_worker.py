"""Our conversion of CT series, in a process of its own: ``python -m benchmarks.performance.convert_worker``.

Reads ``{"series": [folder...], "out": folder, "extras": bool}`` from the standard input, writes ``<number>.nii.gz`` for
each series into the folder and prints CPU seconds as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import SimpleITK as sitk

from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.volumes.nifti import write_nifti

WHERE: dict[str, Any] = {"dataset": "convert", "case": "series"}
T = TypeVar("T")


def main() -> int:
    """Convert the series of the request; print one entry per series."""
    request = json.loads(sys.stdin.read())
    out = Path(request["out"])
    rows = []
    for number, folder in enumerate(request["series"], start=1):
        rows.append(convert(Path(folder), out / f"{number}.nii.gz", extras=request["extras"]))
    print(json.dumps(rows))
    return 0


def convert(folder: Path, file: Path, *, extras: bool) -> dict[str, float]:
    """Return CPU seconds to read and to write a series; with ``extras`` those of its masks and of the checks too."""
    image, read_s = _timed(lambda: read_dicom_series(folder, **WHERE).image)
    _, write_s = _timed(lambda: write_nifti(file, image))
    row: dict[str, float] = {"read_s": read_s, "write_s": write_s}
    return row | _extras(folder, image) if extras else row


def _extras(folder: Path, image: sitk.Image) -> dict[str, float]:
    """Masks: all ROIs of the contour sets beside the series; checks: those of the anatomy."""
    from dataset_converters.anatomy.findings import anatomy_findings  # not part of reading and writing
    from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
    from dataset_converters.dicom.tree import find_series

    drawn = [s.files[0] for s in find_series(folder.parent, **WHERE) if s.modality == "RTSTRUCT"]
    masks, masks_s = _timed(
        lambda: [rasterise_rtstruct(file, roi, image, **WHERE) for file in drawn for roi in list_rois(file, **WHERE)]
    )
    labels = masks[0] if masks else None
    _, checks_s = _timed(lambda: anatomy_findings(image, labels, {"tumour": 1}, **WHERE))
    return {"masks_s": masks_s if masks else 0.0, "checks_s": checks_s}


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
