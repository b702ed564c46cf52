"""``python -m trainers.predict.vote RUN MODEL``: the simple majority vote of the networks of all templates."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.volumes.nifti import sha256_of, write_nifti
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.predict.predict import predict_missing
from trainers.predict.predicted import PredictionRecord
from trainers.region_view import lung_and_disease
from trainers.run_folder import RunFolder, open_run


def vote(run: RunFolder, model: Mapping[str, Any]) -> None:
    """Write the vote of a model's members on every image it is tested on (Chassagnon 2020, simple majority).

    A structure is where more than half of the members have it; a tie is no majority. With labels for healthy lung and
    disease, lung is voted on with the disease in it. An image that a member did not predict is not voted on: five
    networks of six are another model.

    Raises
    ------
    TrainerError
        Label maps of members are missing or do not fit, all images named.
    """
    members = [run.find_model(name, "trained") for name in model["members"]]
    with only_one_in(run.predictions(model)):
        paths = {image: [run.predictions(member) / f"{image}.nii.gz" for member in members] for image in model["test"]}
        keys = {image: {"votes": [_hash(path) for path in files]} for image, files in paths.items()}
        record = PredictionRecord(run.predictions(model), keys)

        def one(image: str) -> None:
            _vote(paths[image], record.path(image), run.matrix["structures"])

        predict_missing(record, one, model["model"])


def vote_regions(structures: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    """Return which labels count for each that is voted on; of healthy lung and disease: all lung, then disease."""
    try:
        lung, disease = lung_and_disease(dict(structures), "vote")
    except TrainerError:
        return {label: (label,) for label in structures.values()}
    inside, sick = (tuple(structures[name] for name in names) for names in (lung, disease))
    return {inside[0]: (*inside, *sick), sick[0]: sick}


def majority(label_maps: Sequence[NDArray[np.integer]], structures: Mapping[str, int]) -> NDArray[np.integer]:
    """Return the vote of label maps of one shape; of several lung labels, right and left, the one most of them have."""
    from dataset_converters.registration.majority import majority_vote

    regions = vote_regions(structures)
    result = majority_vote(label_maps, regions=regions)
    painted, members = next(iter(regions.items()))
    sides = [label for label in members if label not in regions or label == painted]
    if len(sides) > 1:
        votes = np.stack([sum(labels == side for labels in label_maps) for side in sides])
        result = np.where(result == painted, np.array(sides)[votes.argmax(axis=0)], result).astype(result.dtype)
    return result


def _hash(path: Path) -> str:
    return sha256_of(path) if path.is_file() else ""


def _vote(paths: Sequence[Path], output: Path, structures: Mapping[str, int]) -> None:
    missing = [path.parent.name for path in paths if not path.is_file()]
    if missing:
        raise TrainerError(
            output.name,
            found=f"no label map of {', '.join(missing)}",
            wanted="one of every member",
            action="run their predictions again",
        )
    images = [sitk.ReadImage(str(path)) for path in paths]
    result = sitk.GetImageFromArray(majority([sitk.GetArrayFromImage(image) for image in images], structures))
    result.CopyInformation(images[0])
    write_nifti(output, result)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict.vote", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a vote in matrix.json")
    options = parser.parse_args(arguments)

    def stage() -> None:
        run = open_run(options.run)
        vote(run, run.find_model(options.model, "vote"))

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
