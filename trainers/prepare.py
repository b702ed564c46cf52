"""``python -m trainers.prepare RUN``: plan and preprocess once, and write each arm's plans and splits."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from dataset_converters.atomic import replacing, write_json
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.kernel_emulation import KERNELS
from trainers.lock import only_one_in
from trainers.run_folder import SLICES, RunFolder, configuration_of, open_run, point_nnunet_at
from trainers.settings import KEY, read_settings
from trainers.splits import check_split

FORMER_RATE = 1e-4


def prepare(run: RunFolder) -> None:
    """Preprocess the study dataset and write ``<plans_name>.json`` and ``splits_<plans_name>.json`` for every arm.

    What is there and agrees is left alone, so a killed run goes on and a finished one changes nothing.

    Raises
    ------
    TrainerError
        A plans file of the same name holds another budget, or a split is not honest.
    """
    point_nnunet_at(run, loader_processes=1)
    arms = {arm["plans_name"]: _settings(run, arm) for arm in run.matrix["plans"]}
    splits = {arm["plans_name"]: _splits(run, arm) for arm in run.matrix["plans"]}
    _refuse_changed(run, arms)
    # nnU-Net is imported only now: its settings are read from the environment on import
    from trainers.preprocessing import preprocess_cases

    with only_one_in(run.preprocessed_dataset):
        plans = _plan(run)
        _write_kernels(run)
        preprocess_cases(run.raw_dataset, run.preprocessed_dataset, plans)
        for arm in run.matrix["plans"]:
            name = arm["plans_name"]
            _write_once(splits[name], run.preprocessed_dataset / f"splits_{name}.json")
            _write_once(_arm_plans(plans, arm, arms[name]), run.preprocessed_dataset / f"{name}.json")


def _write_kernels(run: RunFolder) -> None:
    """Write which fitted kernel each image is like; a study's new images change the file and no plans."""
    path, kernels = run.preprocessed_dataset / KERNELS, run.matrix.get("fitted_kernels", {})
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8")) != kernels:
        write_json(path, kernels)


def _settings(run: RunFolder, arm: Mapping[str, Any]) -> dict[str, Any]:
    budget = run.matrix["budget"]
    counts = ("iterations", "iterations_per_epoch", "validation_iterations", "batch_size", "width")
    names = (*counts, "learning_rate", "augmentation")
    if configuration_of(arm) != SLICES:
        budget = budget | {"batch_size": budget["three_d"]["batch_size"]}
    settings = {
        "study": run.matrix["study"],
        "arm": arm["arm"],
        "seed": arm["seed"],
        **{name: budget[name] for name in names},
        "class_weights": dict(arm["class_weights"]),
        "final_validation": False,
        **{name: budget[name] for name in ("checkpoint_minutes",) if name in budget},
    }
    read_settings({"plans_name": arm["plans_name"], KEY: settings})
    return settings


def _splits(run: RunFolder, arm: Mapping[str, Any]) -> list[dict[str, Any]]:
    images = run.matrix["images"] | run.matrix.get("warped_images", {})
    known = json.loads((run.raw_dataset / "dataset.json").read_text(encoding="utf-8"))["dataset"]
    splits = []
    for fold, split in enumerate(arm["splits"]):
        cases = [*split["train"], *split["val"]]
        patients = {case: f"{images[case]['dataset']}/{images[case]['patient']}" for case in cases if case in images}
        chosen = {"slices": split["slices"]} if "slices" in split else {}
        splits.append({"train": split["train"], "val": split["val"], "patients": patients, **chosen})
        check_split(splits[-1], f"{arm['plans_name']}, fold {fold}", known)
    return splits


def _own_rate(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as they are compared: where a study named no rate, earlier versions wrote all trainers' own."""
    return settings | {"learning_rate": None} if settings.get("learning_rate") == FORMER_RATE else settings


def _refuse_changed(run: RunFolder, arms: Mapping[str, dict[str, Any]]) -> None:
    for name, settings in arms.items():
        path = run.preprocessed_dataset / f"{name}.json"
        if not path.is_file():
            continue
        found = json.loads(path.read_text(encoding="utf-8"))[KEY]
        if _own_rate(found) != _own_rate(settings):
            changed = sorted(key for key in {*found, *settings} if found.get(key) != settings.get(key))
            raise TrainerError(
                str(path),
                found=f"a budget of { ({key: found.get(key) for key in changed}) }",
                wanted=str({key: settings.get(key) for key in changed}),
                action="choose another --out folder or study name: models of this name have the old budget",
            )


def _plan(run: RunFolder) -> dict[str, Any]:
    """Return the plans that all arms share; planned again unless made from the same dataset, budget and window."""
    wanted = {
        "dataset": json.loads((run.raw_dataset / "dataset.json").read_text(encoding="utf-8")),
        "budget": {name: run.matrix["budget"][name] for name in ("spacing_mm", "patch_size", "batch_size")},
        "hu_window": run.matrix["hu_window"],
    }
    configurations = list(dict.fromkeys(configuration_of(arm) for arm in run.matrix["plans"]))
    if configurations != [SLICES]:
        wanted |= {"configurations": configurations, "three_d": run.matrix["budget"]["three_d"]}
    path, source = run.preprocessed_dataset / "nnUNetPlans.json", run.preprocessed_dataset / "planned_from.json"
    if path.is_file() and source.is_file() and json.loads(source.read_text(encoding="utf-8")) == wanted:
        plans: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return plans
    from trainers.planning import plan_study

    source.unlink(missing_ok=True)
    window = tuple(run.matrix["hu_window"])
    plans = plan_study(run.matrix["nnunet"], run.matrix["budget"], window, configurations=configurations)
    with replacing(run.preprocessed_dataset / "dataset.json") as temporary:
        shutil.copyfile(run.raw_dataset / "dataset.json", temporary)
    write_json(path, plans)
    write_json(source, wanted)
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # lists, as they are compared later
    return written


def _arm_plans(plans: dict[str, Any], arm: Mapping[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the plans of an arm: of its configuration only, so that one added later changes no other's plans."""
    configuration = configuration_of(arm)
    chosen = {"configurations": {configuration: plans["configurations"][configuration]}}
    return deepcopy(plans | chosen) | {"plans_name": arm["plans_name"], KEY: settings}


def _training_part(content: Any) -> Any:
    """Return plans or splits without the sizes of the whole dataset, which a study's new images change."""
    if not isinstance(content, dict):
        return content
    kept = {name: value for name, value in content.items() if not name.startswith("original_median_")}
    plan = [
        {k: v for k, v in entry.items() if k != "median_image_size_in_voxels"}
        for entry in content["configurations"].values()
    ]
    return kept | {"configurations": plan} | ({KEY: _own_rate(kept[KEY])} if KEY in kept else {})


def _write_once(content: Any, path: Path) -> None:
    if path.is_file() and _training_part(json.loads(path.read_text(encoding="utf-8"))) != _training_part(content):
        raise TrainerError(
            str(path),
            found="other splits or plans under this name",
            wanted="what the study now says",
            action="choose another --out folder or study name: models of this name were trained with the old ones",
        )
    if not path.is_file():
        write_json(path, content)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.prepare", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    arguments = parser.parse_args()
    return exit_code(lambda: prepare(open_run(arguments.run)))


if __name__ == "__main__":
    sys.exit(main())
