"""Preprocess the cases of a study dataset one by one, in this process; a killed run goes on where it was."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets
from tqdm import tqdm

from dataset_converters.atomic import replacing, write_json
from trainers.errors import TrainerError
from trainers.plain_name import is_plain_name
from trainers.planning import read_json
from trainers.preprocessed_cases import PARTS, entry_of, fault_of, read_cases, record_name
from trainers.run_folder import SLICES


def preprocess_cases(raw_dataset: Path, preprocessed_dataset: Path, plans: dict[str, Any]) -> None:
    """Write every case of ``dataset.json`` that is not there, changed, or was made from other files or settings.

    Each configuration of the plans has cases of its own. Which case was made from what, and what was written, is
    recorded in ``preprocessed_cases.json``. Cases that are no longer in the dataset are removed. Reference labels are
    copied to ``gt_segmentations``, where nnU-Net's validation reads them.
    """
    dataset_json = read_json(raw_dataset / "dataset.json")
    cases = get_filenames_of_train_images_and_targets(str(raw_dataset), dataset_json)
    _refuse_names(raw_dataset / "dataset.json", cases)
    for configuration in plans["configurations"]:
        _preprocess_cases(cases, preprocessed_dataset, plans, configuration, dataset_json)


def _preprocess_cases(
    cases: Mapping[str, Any],
    preprocessed_dataset: Path,
    plans: dict[str, Any],
    configuration: str,
    dataset_json: dict[str, Any],
) -> None:
    manager = PlansManager(plans)
    folder = preprocessed_dataset / manager.get_configuration(configuration).data_identifier
    folder.mkdir(parents=True, exist_ok=True)
    _remove_strangers(folder, cases)
    record, path = read_cases(preprocessed_dataset, configuration), preprocessed_dataset / record_name(configuration)
    title = "preprocess" if configuration == SLICES else f"preprocess {configuration}"
    for case, files in tqdm(cases.items(), desc=title, unit="case"):
        settings = plans["configurations"][configuration]
        key = _key([*files["images"], files["label"]], case, plans, settings, dataset_json["labels"])
        if not _is_current(folder, case, record.get(case), key):
            _preprocess(case, files, folder, manager, configuration, dataset_json)
            _copy(Path(files["label"]), preprocessed_dataset / "gt_segmentations" / f"{case}.nii.gz")
            record[case] = entry_of(folder, case, key)
            write_json(path, {name: record[name] for name in cases if name in record})


def _refuse_names(path: Path, cases: Mapping[str, Any]) -> None:
    for case in cases:
        if not is_plain_name(case):
            raise TrainerError(
                str(path), found=f"case {case!r}", wanted="a name without separators", action="assemble the run again"
            )


def _is_current(folder: Path, case: str, entry: Any, key: str) -> bool:
    made_from = entry.get("key") if isinstance(entry, dict) else entry
    if made_from != key:
        return False
    fault = fault_of(folder, case, entry, read_all=True)
    if fault:
        print(f"{case}: preprocessed again: found {fault}", file=sys.stderr, flush=True)
    return not fault


def _preprocess(
    case: str,
    files: Mapping[str, Any],
    folder: Path,
    manager: PlansManager,
    name: str,
    dataset_json: dict[str, Any],
) -> None:
    configuration = manager.get_configuration(name)
    staging = folder.with_name(f"{folder.name}_unfinished")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    (folder / f"{case}.pkl").unlink(missing_ok=True)
    preprocessor = configuration.preprocessor_class(verbose=False)
    preprocessor.run_case_save(
        str(staging / case), files["images"], files["label"], manager, configuration, dataset_json
    )
    for part in PARTS:
        os.replace(staging / f"{case}{part}", folder / f"{case}{part}")
    staging.rmdir()


def _key(
    paths: list[str], case: str, plans: dict[str, Any], configuration: dict[str, Any], labels: dict[str, Any]
) -> str:
    settings = {name: value for name, value in configuration.items() if name not in ("batch_size", "architecture")}
    window = plans["foreground_intensity_properties_per_channel"]
    digest = hashlib.sha256(json.dumps([settings, window, labels], sort_keys=True).encode())
    for path in paths:
        if not Path(path).is_file():
            raise TrainerError(
                case,
                found=f"no {path}",
                wanted="every image and label of dataset.json",
                action="assemble the run again",
            )
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _remove_strangers(folder: Path, cases: Mapping[str, Any]) -> None:
    wanted = {f"{case}{part}" for case in cases for part in PARTS}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
