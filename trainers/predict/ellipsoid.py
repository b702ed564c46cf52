"""``python -m trainers.predict.ellipsoid RUN MODEL``: an untrained baseline, one centred ellipsoid.

Where images are cropped around what is sought, such an ellipsoid already scores well; a model must beat it.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from tqdm import tqdm

from dataset_converters.atomic import write_json
from dataset_converters.volumes.nifti import write_nifti
from trainers.command_line import exit_code
from trainers.lock import only_one_in
from trainers.predict.predict import check_image, image_hash, predict_missing
from trainers.predict.predicted import PredictionRecord
from trainers.run_folder import RunFolder, open_run

SCALES = np.arange(1, 174) / 100  # 1.73 reaches the corners of the box


def predict_ellipsoid(run: RunFolder, model: Mapping[str, Any]) -> None:
    """Fit the scale on the training cases; write label maps of the first structure, and ``scale.json``.

    The scale is the one with the highest mean DSC over the training cases; a case with several variants counts once.
    """
    structure, label = next(iter(run.matrix["structures"].items()))
    folder = run.predictions(model)
    cases = _one_image_a_case(run, model["train"])
    scores = np.array([_scores_of(run, image, label) for image in tqdm(cases, desc="fit ellipsoid", unit="case")])
    mean = scores.mean(axis=0)
    scale = float(SCALES[np.argmax(mean)])
    fitted = {"structure": structure, "scale": scale, "mean_dsc_train": float(mean.max()), "cases": cases}
    with only_one_in(folder):
        write_json(folder / "scale.json", fitted)
        drawn = {"scale": scale, "label": label, "shape": "centred ellipsoid"}
        hashes = {image: image_hash(run, image) for image in model["test"]}
        record = PredictionRecord(folder, {image: {"image_sha256": hashes[image]} | drawn for image in hashes})

        def one(image: str) -> None:
            check_image(run.image(image), hashes[image])
            _write_ellipsoid(run.image(image), record.path(image), scale, label)

        predict_missing(record, one, model["model"])


def relative_radius(size_zyx: tuple[int, ...]) -> np.ndarray:
    """Return each voxel's distance (z, y, x) from the box's centre, 1 on the ellipsoid touching its faces."""
    axes = [(np.arange(n) + 0.5) / (n / 2) - 1 for n in size_zyx]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(np.sqrt(z**2 + y**2 + x**2))


def dsc_at_scales(reference: np.ndarray, known: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return the DSC of the ellipsoid of each scale with a mask (z, y, x), over the known voxels only.

    An empty reference gives 0, whatever the ellipsoid.
    """
    radius = relative_radius(reference.shape)
    inside = np.searchsorted(np.sort(radius[known]), scales, side="right")
    hit = np.searchsorted(np.sort(radius[known & reference]), scales, side="right")
    return 2 * hit / np.maximum(inside + np.count_nonzero(reference & known), 1)


def _one_image_a_case(run: RunFolder, images: list[str]) -> list[str]:
    facts = run.matrix["images"]
    first: dict[tuple[str, str], str] = {}
    for image in images:
        first.setdefault((facts[image]["dataset"], facts[image]["case"]), image)
    return list(first.values())


def _scores_of(run: RunFolder, image: str, label: int) -> np.ndarray:
    path = run.raw_dataset / "labelsTr" / f"{image}.nii.gz"
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    ignore = run.matrix["ignore_label"]
    known = np.ones(labels.shape, bool) if ignore is None else labels != ignore
    return dsc_at_scales(labels == label, known, SCALES)


def _write_ellipsoid(image: Path, output: Path, scale: float, label: int) -> None:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(image))
    reader.ReadImageInformation()
    x, y, z = reader.GetSize()
    ellipsoid = sitk.GetImageFromArray(((relative_radius((z, y, x)) <= scale) * label).astype(np.uint8))
    ellipsoid.SetOrigin(reader.GetOrigin())
    ellipsoid.SetSpacing(reader.GetSpacing())
    ellipsoid.SetDirection(reader.GetDirection())
    write_nifti(output, ellipsoid)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict.ellipsoid", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a centred_ellipsoid model in matrix.json")
    arguments = parser.parse_args()

    def stage() -> None:
        run = open_run(arguments.run)
        predict_ellipsoid(run, run.find_model(arguments.model, "centred_ellipsoid"))

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
