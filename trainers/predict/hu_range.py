"""``python -m trainers.predict.hu_range RUN MODEL``: an untrained baseline, the HU values of diseased lung.

What lies in a range of HU within the lung is disease: -700 to -200 HU (Salaffi 2016, PLoS One 11:e0149240), high
attenuation areas -600 to -250 HU, low ones below -950 HU. The lung is that of a trained model's label map, which may
be of another variant of the case than the values, or that of a reader. Deviation: vessels and airway walls in the lung
mask are not taken out.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.atomic import write_json
from dataset_converters.volumes.nifti import sha256_of, write_nifti
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.predict.predict import check_image, image_hash, predict_missing
from trainers.predict.predicted import PredictionRecord
from trainers.run_folder import RunFolder, open_run

REFUSED = "refused.json"
SPACING_TOLERANCE_MM = 1e-3


def predict_hu_range(run: RunFolder, model: Mapping[str, Any]) -> None:
    """Write a label map for every test image of a soft kernel with a lung, and ``refused.json``: image to reason.

    The scores of a refused image have that reason instead of a value.
    """
    folder = run.predictions(model)
    refused: dict[str, str] = dict(model["refused"])
    lungs: dict[str, Path] = {}
    for image in model["test"]:
        if image not in refused:
            found = _lung_of(run, model, image)
            if isinstance(found, str):
                refused[image] = found
            else:
                lungs[image] = found
    hashes = {image: image_hash(run, image) for image in lungs}
    settings = {"hu_range": model["hu_range"], "labels": model["labels"], "disease": model["disease"]}
    keys = {i: {"image_sha256": hashes[i], "lung_sha256": sha256_of(path)} | settings for i, path in lungs.items()}

    def one(image: str) -> None:
        check_image(run.image(image), hashes[image])
        _write_range(run, model, image, lungs[image], record.path(image))

    with only_one_in(folder):
        write_json(folder / REFUSED, refused)
        record = PredictionRecord(folder, keys)
        predict_missing(record, one, model["model"])


def mark_range(
    hu: NDArray[Any], lung: NDArray[np.integer], *, hu_range: tuple[float, float], disease: int
) -> NDArray[np.uint8]:
    """Return the label map (z, y, x) with the lung's voxels in a range as disease.

    Parameters
    ----------
    hu : array (z, y, x)
        HU of the image.
    lung : int array (z, y, x)
        Labels of healthy lung tissue; 0 outside the lung.
    hu_range : tuple of float
        Lowest and highest value of the disease, both included.
    disease : int
        Its label.
    """
    low, high = hu_range
    return np.where((lung > 0) & (hu >= low) & (hu <= high), disease, lung).astype(np.uint8)


def healthy_lung(
    labels: NDArray[np.integer], members: Mapping[str, tuple[int, ...]], values: Mapping[str, int], disease: str
) -> NDArray[np.uint8]:
    """Return a lung of one label map as labels of healthy tissue: what is disease in it becomes the first other label.

    Parameters
    ----------
    labels : int array (z, y, x)
    members : mapping
        Structure of the lung to its values in ``labels``.
    values : mapping
        The same structures to their labels in the result.
    disease : str
        The structure that is not healthy.
    """
    first = next(value for name, value in values.items() if name != disease)
    found = np.zeros(labels.shape, dtype=np.uint8)
    for name, own in members.items():
        found[np.isin(labels, own)] = first if name == disease else values[name]
    return found


def _lung_of(run: RunFolder, model: Mapping[str, Any], image: str) -> Path | str:
    """Return the label map that shows the lung, or why there is none."""
    if model["lung_model"]:
        source = model["lung_images"][image]
        path = run.predictions({"model": model["lung_model"]}) / f"{source}.nii.gz"
        return path if path.is_file() else f"no lung: {model['lung_model']} predicted no {source}"
    readers = _reference(run, image)["readers"].values()
    whole = [entry for entry in readers if entry["annotated_slices"] is None and entry["ignore_value"] is None]
    return run.path / whole[0]["annotation"] if whole else "no lung: no reader annotated every slice"


def _reference(run: RunFolder, image: str) -> Mapping[str, Any]:
    facts = run.matrix["images"][image]
    reference: Mapping[str, Any] = run.matrix["references"][f"{facts['dataset']}_{facts['case']}"]
    return reference


def _write_range(run: RunFolder, model: Mapping[str, Any], image: str, lung: Path, output: Path) -> None:
    ct, labels = sitk.ReadImage(str(run.image(image))), sitk.ReadImage(str(lung))
    if ct.GetSize() != labels.GetSize() or not np.allclose(
        ct.GetSpacing(), labels.GetSpacing(), rtol=0, atol=SPACING_TOLERANCE_MM
    ):
        raise TrainerError(
            image,
            found=f"a lung of {labels.GetSize()} voxels of {labels.GetSpacing()} mm",
            wanted=f"the grid of the image, {ct.GetSize()} voxels of {ct.GetSpacing()} mm",
            action="take the lung from a variant on the same grid (lung_variants)",
        )
    values = model["labels"]
    members = {name: (value,) for name, value in values.items()}
    if not model["lung_model"]:
        members = {name: tuple(_reference(run, image)["structures"][name]) for name in values}
    healthy = healthy_lung(sitk.GetArrayFromImage(labels), members, values, model["disease"])
    hu_range = (float(model["hu_range"][0]), float(model["hu_range"][1]))
    marked = mark_range(sitk.GetArrayViewFromImage(ct), healthy, hu_range=hu_range, disease=values[model["disease"]])
    written = sitk.GetImageFromArray(marked)
    written.CopyInformation(ct)
    write_nifti(output, written)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict.hu_range", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a hu_range model in matrix.json")
    arguments = parser.parse_args()

    def stage() -> None:
        run = open_run(arguments.run)
        predict_hu_range(run, run.find_model(arguments.model, "hu_range"))

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
