"""A run folder as the training stages see it: ``matrix.json`` and nnU-Net's three folders."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainers.errors import TrainerError
from trainers.plain_name import is_plain_name
from trainers.registry import EXTENSION_FOLDER

SLICES = "2d"
"""nnU-Net's configuration that cuts 2D patches."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run of a study, and the study resolved (``matrix.json``)."""

    path: Path
    matrix: Mapping[str, Any]

    @property
    def raw_dataset(self) -> Path:
        """Folder of the study dataset in nnU-Net raw format."""
        return self.inside(f"nnUNet_raw/{self.matrix['nnunet']}")

    @property
    def preprocessed_dataset(self) -> Path:
        """Folder of its plans and preprocessed cases."""
        return self.inside(f"nnUNet_preprocessed/{self.matrix['nnunet']}")

    def fold_folder(self, model: Mapping[str, Any]) -> Path:
        """Folder of a model's checkpoints."""
        name = f"{trainer_class(model)}__{model['plans_name']}__{configuration_of(model)}"
        return self.inside(f"nnUNet_results/{self.matrix['nnunet']}/{name}/fold_{model['fold']}")

    def predictions(self, model: Mapping[str, Any]) -> Path:
        """Folder of a model's label maps."""
        return self.inside(f"predictions/{model['model']}")

    def image(self, image_id: str) -> Path:
        """Path of an image.

        Raises
        ------
        TrainerError
            The matrix points out of the run folder.
        """
        return self.inside(self.matrix["images"][image_id]["path"])

    def inside(self, relative: str) -> Path:
        """Path of a file the matrix names.

        Raises
        ------
        TrainerError
            The matrix points out of the run folder.
        """
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts:
            raise TrainerError(
                str(self.path / "matrix.json"),
                found=f"path {relative!r}",
                wanted="a path inside the run folder",
                action="assemble the run again",
            )
        return self.path / parts

    def find_model(self, name: str, *kinds: str) -> Mapping[str, Any]:
        """Return the model of that name.

        Raises
        ------
        TrainerError
            There is none, or it is of another kind than asked for.
        """
        models = {model["model"]: model for model in self.matrix["models"] if model["kind"] in kinds}
        if name not in models:
            raise TrainerError(
                str(self.path / "matrix.json"),
                found=f"no {' or '.join(kinds)} model {name!r}",
                wanted=f"one of {sorted(models)}",
                action="name a model of this run",
            )
        return models[name]


def open_run(path: Path) -> RunFolder:
    """Read a run folder's ``matrix.json``.

    Raises
    ------
    TrainerError
        There is none, or a name in it cannot be a file's or folder's.
    """
    path = path.resolve()
    matrix = path / "matrix.json"
    if not matrix.is_file():
        raise TrainerError(
            str(path), found="no matrix.json", wanted="an assembled run", action="run `python -m benchmarks run`"
        )
    content = json.loads(matrix.read_text(encoding="utf-8"))
    for what, name in _names(content):
        if not is_plain_name(name):
            raise TrainerError(
                str(matrix),
                found=f"{what} {name!r}",
                wanted="a name without separators",
                action="assemble the run again",
            )
    return RunFolder(path, content)


def configuration_of(entry: Mapping[str, Any]) -> str:
    """Return nnU-Net's configuration of a model or a plans entry of ``matrix.json``; in 2D it is not named there."""
    configuration: str = entry.get("configuration", SLICES)
    return configuration


def trainer_class(model: Mapping[str, Any]) -> str:
    """Return the trainer class of a model; ``trainer`` is its id in the study, another one in 3D."""
    name: str = model.get("trainer_class", model["trainer"])
    return name


def _names(matrix: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield every name that becomes part of a path, with what it is; an untrained model has no plans."""
    yield "dataset", matrix["nnunet"]
    yield from (("image", image) for image in (*matrix["images"], *matrix.get("warped_images", ())))
    yield from (("templates", entry["name"]) for entry in matrix.get("templates", ()))
    for plan in matrix["plans"]:
        yield from (("plans", plan["plans_name"]), ("configuration", configuration_of(plan)))
    for model in matrix["models"]:
        yield from (("image", image) for side in ("train", "test") for image in model.get(side, []))
        yield from (("model", model["model"]), ("trainer", model["trainer"]), ("trainer", trainer_class(model)))
        yield "configuration", configuration_of(model)
        yield from [("plans", model["plans_name"])] if model["plans_name"] else []
        yield "fold", str(model["fold"])


def point_nnunet_at(run: RunFolder, *, loader_processes: int) -> None:
    """Set nnU-Net's environment to this run, before nnU-Net is imported.

    ``loader_processes`` 0 loads in-process, which is exact; planning needs at least 1.
    """
    os.environ.update(
        {name: str(run.path / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
        | {"nnUNet_extTrainer": str(EXTENSION_FOLDER)}
        | {"nnUNet_n_proc_DA": str(loader_processes), "nnUNet_def_n_proc": "1"}
    )
    # compiling takes longer than a study's budget gains by it
    os.environ.setdefault("nnUNet_compile", "false")
