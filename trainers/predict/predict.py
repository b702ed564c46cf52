"""``python -m trainers.predict.predict RUN MODEL``: predict the test images of one trained model."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_converters.atomic import DiskFullError
from dataset_converters.volumes.nifti import sha256_of
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.predict.model import TrainedModel, load_predictor
from trainers.predict.on_template import warps_of
from trainers.predict.one_image import predict_one
from trainers.predict.predicted import PredictionRecord
from trainers.run_folder import RunFolder, open_run, point_nnunet_at, trainer_class


def predict(run: RunFolder, model: Mapping[str, Any], device: str) -> None:
    """Write ``predictions/<model>/<image id>.nii.gz`` for every test image whose label map is missing or out of date.

    The label maps are those of ``nnUNetv2_predict --disable_tta`` (with mirroring, where the study asks for it: of
    ``nnUNetv2_predict``): same tiles, resampling and export, on the image's own grid, with the last checkpoint.
    Everything runs in this process; the model is loaded once. ``predicted.json`` records what each label map was made
    from: image, checkpoint, plans and settings; an image under two names is predicted once. Label maps of images that
    are no longer tested are removed.

    An image that cannot be read or predicted does not stop the others; all faults are raised together at the end.

    Raises
    ------
    TrainerError
        The model is not trained, its checkpoint cannot be read, or it gives no finite scores.
    """
    folder, fold = run.predictions(model), run.fold_folder(model)
    trained = TrainedModel(fold.parent, (str(model["fold"]),), mirroring=model.get("mirroring", False))
    with only_one_in(folder):
        settings = trained.key()
        hashes = {image: image_hash(run, image) for image in model["test"]}
        warps = warps_of(run, model)
        keys = {image: {"image_sha256": hashes[image]} | settings | warps.key(image) for image in hashes}
        record = PredictionRecord(folder, keys)
        if not record.missing():
            print(f"{model['model']}: {len(hashes)} images predicted already")
            return
        point_nnunet_at(run, loader_processes=0)
        predictor = load_predictor(trained, device, trainer=trainer_class(model))

        def one(image: str) -> None:
            check_image(run.image(image), hashes[image])
            with warps.on_template(image, record.path(image)) as (shown, output):
                predict_one(predictor, [shown], output)

        predict_missing(record, one, model["model"])


def predict_missing(record: PredictionRecord, one: Callable[[str], None], title: str) -> None:
    """Make every missing label map by ``one``; copy where an equal image has one.

    Raises
    ------
    TrainerError
        Of all images that failed or were lost, after the others are done.
    """
    faults = {}
    try:
        for image in tqdm(record.missing(), desc=title, unit="image"):
            try:
                if not record.copy_twin(image):
                    one(image)
                    record.add(image)
            except DiskFullError:
                raise
            except Exception as error:  # readers of damaged files raise many kinds
                faults[image] = f"{type(error).__name__}: {error}"
    finally:
        record.close()
    faults |= dict.fromkeys(record.lost(), "its label map was removed while others were made")
    if faults:
        raise TrainerError(
            title,
            found="; ".join(f"{image}: {fault}" for image, fault in faults.items()),
            wanted="images that can be read and predicted",
            action="check the converted images (python -m dataset_converters check), mend them and run again",
        )


def image_hash(run: RunFolder, image: str) -> str:
    """Return the hash the run was assembled with; of the file, where the matrix has none. Empty: no such file."""
    known: str | None = run.matrix["images"][image].get("sha256")
    path = run.image(image)
    return known or (sha256_of(path) if path.is_file() else "")


def check_image(path: Path, wanted: str) -> None:
    """Refuse a file that is not the one whose hash a prediction would be recorded with."""
    if sha256_of(path) != wanted:
        raise TrainerError(
            str(path),
            found="another file than the run was assembled from",
            wanted=f"sha256 {wanted}",
            action="convert the dataset and assemble the run again",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict.predict", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a trained model in matrix.json")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args(arguments)

    def stage() -> None:
        run = open_run(options.run)
        predict(run, run.find_model(options.model, "trained"), options.device)

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
