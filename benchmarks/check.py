"""``python -m benchmarks check``: find what would stop a study before hours are spent on it."""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from benchmarks.run_folder import FIXED, source_folders
from benchmarks.study import DatasetUse, Study
from benchmarks.study_file import StudyError, load_study

NNUNET_VERSIONS = SpecifierSet(">=2.8.1,<2.9")
BYTES_PER_MODEL_WIDTH = 2_000_000
"""Checkpoints of one model per channel of its first block, weights and optimiser state, measured."""
MINIMUM_FREE_BYTES = 2_000_000_000
PROBE = """
import sys, torch, torchvision
torch.ops.torchvision.nms
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit("torch sees no CUDA device; wanted one for --device cuda")
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
for name in sys.argv[2:]:
    recursive_find_trainer_class_by_name(name)
"""


def check_study(study_file: Path, run: Path, *, data: Path | None, device: str) -> list[str]:
    """List every problem found with a study, its data and this machine; empty when all is ready.

    Raises
    ------
    StudyError
        If the study file itself cannot be read.
    """
    study = load_study(study_file)
    findings: list[str] = []
    if device not in study.budgets:
        findings.append(f"study: no [budgets.{device}]; it has: {', '.join(study.budgets)}")
    findings += _check_run_folder(study, run)
    findings += _check_data(study, run, data)
    findings += _check_disk(study, run, device)
    findings += _check_environment(study, device)
    return findings


def _check_run_folder(study: Study, run: Path) -> list[str]:
    if not (run / "study.toml").exists():
        return []
    frozen = load_study(run / "study.toml")
    changed = [name for name in FIXED if getattr(frozen, name) != getattr(study, name)]
    return [f"run folder {run}: was made with another {changed}; give another --out"] if changed else []


def _check_data(study: Study, run: Path, data: Path | None) -> list[str]:
    """List the cases of every dataset, as the conversion would, without reading pixels."""
    try:
        folders = source_folders(study, run, data)
    except StudyError as error:
        return [str(error)]
    findings: list[str] = []
    variants: set[str] = set()
    labels: set[str] = set()
    for use in study.datasets:
        try:
            found, known = _list_cases(use, folders[use.name])
        except Exception as error:  # a converter may stop on anything a stranger's folder holds
            findings.append(f"dataset {use.name}: {error}")
            continue
        labels |= known
        variants |= {variant for names in found.values() for variant in names}
        unknown = sorted(set(use.exclude) - set(found))
        if unknown:
            findings.append(f"dataset {use.name}: excludes {unknown}, which are no cases of it")
    if findings:
        return findings
    for structure, members in study.structures.items():
        findings += [
            f"structure {structure}: no dataset has a label {name!r}" for name in members if name not in labels
        ]
    named = {variant for arm in study.arms for variant in arm.variants}
    named |= {variant for entry in study.test_sets for variant in entry.variants}
    findings += [f"variant {name!r}: no case has it; found {sorted(variants)}" for name in sorted(named - variants)]
    return findings


def _list_cases(use: DatasetUse, folder: Path) -> tuple[Mapping[str, tuple[str, ...]], set[str]]:
    from dataset_converters.conversion_errors import ConversionErrors, faulty_cases
    from dataset_converters.errors import ConversionError
    from dataset_converters.registry import find_dataset

    module: Any = find_dataset(use.converter)
    faulty: set[str] = set()
    try:
        cases = module.list_cases(folder, **use.options)
    except (ConversionError, ConversionErrors) as error:
        faulty = faulty_cases(error)
        if not error.readable or not faulty <= set(use.exclude):
            raise
        cases = error.readable
    if not cases:
        raise StudyError(f"no case found in {folder}")
    named = {case.case: tuple(case.images) for case in cases} | dict.fromkeys(faulty, ())
    return named, set(module.DATASET.labels)


def _check_disk(study: Study, run: Path, device: str) -> list[str]:
    if device not in study.budgets:
        return []
    models = len(study.arms) * len(study.trainers) * len(study.seeds) * study.split.folds
    needed = MINIMUM_FREE_BYTES + models * study.budgets[device].width * BYTES_PER_MODEL_WIDTH
    place = next(folder for folder in (run, *run.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free >= needed:
        return []
    return [f"disk of {place}: {free / 1e9:.1f} GB free, wanted {needed / 1e9:.1f} GB; free some or give another --out"]


def _check_environment(study: Study, device: str) -> list[str]:
    version = importlib.metadata.version("nnunetv2")
    if Version(version) not in NNUNET_VERSIONS:
        return [f"nnunetv2 {version} is installed; wanted {NNUNET_VERSIONS}; pip install -c constraints.txt nnunetv2"]
    from benchmarks.workflow.job import job_environment
    from trainers.registry import EXTENSION_FOLDER, list_trainers

    known = list_trainers()
    names = [trainer.name for trainer in study.trainers]
    unknown = [name for name in names if name not in known]
    if unknown:
        return [f"trainer {unknown[0]!r}: no such file in trainers/nnunet; the trainers are: {', '.join(known)}"]
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, device, *names],
        env=job_environment() | {"nnUNet_extTrainer": str(EXTENSION_FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode == 0:
        return []
    reason = answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "no message"
    return [f"torch, torchvision and trainers: {reason}; constraints.txt names a matched pair"]
