"""``python -m trainers.predict -m MODEL_FOLDER -i IN -o OUT``: predict with any model nnU-Net trained, faster in 2D.

The label maps are those of ``nnUNetv2_predict`` (without mirroring unless asked for). A killed command goes on where it
was; an image is predicted again where it, the checkpoint or the settings changed.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_converters.atomic import replacing
from dataset_converters.volumes.nifti import sha256_of
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.predict.model import TrainedModel, find_folds, load_predictor
from trainers.predict.one_image import predict_one
from trainers.predict.predict import predict_missing
from trainers.predict.predicted import PredictionRecord
from trainers.registry import EXTENSION_FOLDER


def predict_folder(model: TrainedModel, images: Path, out: Path, device: str) -> None:
    """Write ``<case>.nii.gz`` (or the dataset's ending) for every case of a folder, and copies of plans and dataset.

    Raises
    ------
    TrainerError
        There is no model, no image, a channel is missing, or images failed; the others are done then.
    """
    dataset = model.read("dataset.json")
    ending, channels = dataset["file_ending"], len(dataset.get("channel_names", dataset.get("modality", {})))
    cases = find_cases(images, ending, channels)
    _point_nnunet_at_nothing()
    with only_one_in(out):
        settings = model.key()
        keys = {case: {"image_sha256": [sha256_of(file) for file in files]} | settings for case, files in cases.items()}
        record = PredictionRecord(out, keys, ending=ending, alone=False)
        for name in ("plans.json", "dataset.json"):  # nnU-Net's postprocessing and evaluation read them there
            with replacing(out / name) as temporary:
                shutil.copyfile(model.folder / name, temporary)
        if not record.missing():
            print(f"{out}: {len(cases)} images predicted already")
            return
        predictor = load_predictor(model, device)
        if predictor.configuration_manager.previous_stage_name is not None:
            raise TrainerError(
                str(model.folder),
                found="the second stage of a cascade",
                wanted="a model that sees nothing but the image",
                action="use nnUNetv2_predict with -prev_stage_predictions",
            )

        def one(case: str) -> None:
            predict_one(predictor, cases[case], record.path(case), disease_inside_lung=model.disease_inside_lung)

        predict_missing(record, one, str(out))


def find_cases(folder: Path, ending: str, channels: int) -> dict[str, list[Path]]:
    """Return the cases of a folder with the files of their channels (``<case>_0000<ending>``...), by name.

    Raises
    ------
    TrainerError
        There is no folder, no image in it, or a case without one of its channels.
    """
    named = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob(f"*{ending}")) if folder.is_dir() else []:
        match = named.fullmatch(path.name)
        if match:
            found.setdefault(match[1], {})[int(match[2])] = path
    wanted = list(range(channels))
    faulty = [case for case, files in found.items() if sorted(files) != wanted]
    if not found or faulty:
        raise TrainerError(
            str(folder),
            found=f"channels {sorted(found[faulty[0]])} of {faulty[0]}" if faulty else f"no <case>_0000{ending}",
            wanted=f"every case with {channels} files, <case>_0000{ending} and so on",
            action="rename or complete the files",
        )
    return {case: [files[channel] for channel in wanted] for case, files in found.items()}


def _point_nnunet_at_nothing() -> None:
    """Set what nnU-Net asks of the environment on import, where it is not set."""
    os.environ.setdefault("nnUNet_extTrainer", str(EXTENSION_FOLDER))
    os.environ.setdefault("nnUNet_def_n_proc", "1")
    os.environ.setdefault("nnUNet_compile", "false")
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, "unused")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict", description=__doc__)
    parser.add_argument("-m", type=Path, required=True, metavar="MODEL", help="<trainer>__<plans>__<configuration>")
    parser.add_argument("-i", type=Path, required=True, metavar="IN", help="folder with <case>_0000.nii.gz")
    parser.add_argument("-o", type=Path, required=True, metavar="OUT", help="folder for the label maps")
    parser.add_argument("-f", nargs="+", metavar="FOLD", help="folds to average (default: all that are trained)")
    parser.add_argument("-chk", default="checkpoint_final.pth", metavar="FILE", help="name of the checkpoint")
    parser.add_argument("--mirroring", action="store_true", help="average over mirrored images, nnU-Net's default")
    parser.add_argument(
        "--disease-inside-lung", action="store_true", help="keep disease only where AtlasNet's lung decoder sees lung"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args(arguments)

    def stage() -> None:
        folds = tuple(options.f or find_folds(options.m, options.chk))
        model = TrainedModel(
            options.m,
            folds,
            mirroring=options.mirroring,
            checkpoint=options.chk,
            disease_inside_lung=options.disease_inside_lung,
        )
        predict_folder(model, options.i, options.o, options.device)

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())
