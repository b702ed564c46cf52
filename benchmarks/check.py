"""``python -m benchmarks check``: find what would stop a study before hours are spent on it."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from benchmarks.configurations import trainer_class
from benchmarks.derived_files import placed_derive
from benchmarks.matrix import list_template_sets
from benchmarks.overlap_check import join_persons, overlap_warnings, refuse_overlaps
from benchmarks.patients import Fold, Patient, divide, training_images
from benchmarks.run_folder import list_differences
from benchmarks.run_sources import source_folders
from benchmarks.scoring_check import scoring_fault
from benchmarks.study import DatasetUse, Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_kinds import mixed_kinds
from benchmarks.unlabelled import annotated_patients, unlabelled_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo

NO_GPU = "GPU: found none that torch can use; wanted one for --device cuda; check the driver, or give --device cpu"
NNUNET_VERSIONS = SpecifierSet(">=2.8.1,<2.9")
MINIMUM_FREE_BYTES = 2_000_000_000
PROBE = """
import sys, torch, torchvision
torch.ops.torchvision.nms
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit(sys.argv[2])
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
pixel_mm = float(sys.argv[3])
for name in sys.argv[4:]:
    limit_mm = getattr(recursive_find_trainer_class_by_name(name), "largest_pixel_mm", None) or pixel_mm
    if pixel_mm > limit_mm:
        print(f"{name}: trains at pixels of {pixel_mm:g} mm; wanted at most {limit_mm:g}; give a smaller spacing_mm")
"""


@dataclass(frozen=True)
class Checked:
    """Every problem found with a study, its data and the environment; the cases of each dataset, if all were listed."""

    findings: list[str]
    cases: Mapping[str, list[Case]] | None = None


def check_study(study_file: Path, run: Path, *, data: Path | None, device: str, on_cluster: bool = False) -> Checked:
    """Look for problems with a study, its data and the environment; the GPUs of a cluster are not here.

    Raises
    ------
    StudyError
        If the study file itself cannot be read.
    """
    study = load_study(study_file)
    findings: list[str] = []
    if device not in study.budgets:
        findings.append(f"study: no [budgets.{device}]; it has: {', '.join(study.budgets)}")
    findings += _check_run_folder(study, run, device)
    faults, cases = _check_data(study, study_file, run, data=data)
    findings += faults
    fault = scoring_fault(study_file)
    findings += [f"scoring: {fault}"] if fault else []
    findings += _check_environment(study, "cpu" if on_cluster else device)
    return Checked(findings, cases)


def _check_run_folder(study: Study, run: Path, device: str) -> list[str]:
    if not (run / "study.toml").exists():
        return []
    changed = list_differences(load_study(run / "study.toml"), study, device=device)
    return [f"run folder {run}: was made with another {', '.join(changed)}; give another --out"] if changed else []


def _check_data(
    study: Study, study_file: Path, run: Path, *, data: Path | None
) -> tuple[list[str], dict[str, list[Case]] | None]:
    """List the cases of every dataset, as the conversion would, without reading pixels, and try the split."""
    try:
        folders = source_folders(study, run, data)
    except StudyError as error:
        return [str(error)], None
    from dataset_converters.conversion_errors import ConversionErrors
    from dataset_converters.privacy.unexpected import unexpected_fault
    from dataset_converters.registry import RegistryError

    findings: list[str] = []
    cases: dict[str, list[Case]] = {}
    labels: set[str] = set()
    kinds: dict[tuple[str, str], tuple[str]] = {}
    for use in study.datasets:
        try:
            placed = replace(use, derive=placed_derive(use, study_file, folders[use.name]))
            cases[use.name], info = _list_cases(placed, folders[use.name])
            labels |= set(info.labels)
            found = {variant for case in cases[use.name] for variant in case.images}
            kinds |= {(use.name, variant): (info.variants[variant],) for variant in found}
        except (StudyError, ConversionError, ConversionErrors, RegistryError) as error:
            findings.append(f"dataset {use.name}: {error}")
        except Exception as error:  # a converter may stop on anything a stranger's folder holds
            findings.append(f"dataset {use.name}: {unexpected_fault(use.converter, '', error)}")
    if findings and data is None:
        findings.append("no --data was given; give the folder that holds the source data")
    if findings:
        return findings, None
    findings = _unknown_names(study, cases, labels) or mixed_kinds(study, kinds)
    return findings or _impossible_split(study, cases), cases


def _list_cases(use: DatasetUse, folder: Path) -> tuple[list[Case], DatasetInfo]:
    from dataset_converters.registry import describe_dataset, find_dataset
    from dataset_converters.sources.case_list import list_cases_without
    from dataset_converters.writing.derived_variants import add_variants

    module = find_dataset(use.converter)
    info = describe_dataset(module, folder, use.options)
    cases, faulty = list_cases_without(module, folder, use.options, exclude=use.exclude)
    info, added = add_variants(info, cases, use.derive, root=folder)
    cases = list(added)
    unknown = sorted(set(use.exclude) - faulty - {case.case for case in cases})
    if unknown:
        raise StudyError(f"excludes {unknown}, which are no cases of it")
    cases = [case for case in cases if case.case not in use.exclude]
    if not cases:
        raise StudyError(f"no case found in {folder}")
    return cases, info


def _unknown_names(study: Study, cases: Mapping[str, list[Case]], labels: set[str]) -> list[str]:
    everything = [case for group in cases.values() for case in group]
    variants = {variant for case in everything for variant in case.images}
    readers = {reader for case in everything for reader in case.annotations}
    findings = [
        f"structure {structure}: no dataset has a label {name!r}"
        for structure, members in (*study.structures.items(), *study.scoring.references.items())
        for name in members
        if name not in labels
    ]
    named = {variant for arm in study.arms for variant in arm.variants}
    named |= {variant for entry in study.test_sets for variant in entry.variants}
    findings += [f"variant {name!r}: no case has it; found {sorted(variants)}" for name in sorted(named - variants)]
    wanted = {reader for entry in study.test_sets for reader in entry.readers}
    wanted -= set(study.scoring.made_readers())
    wanted |= {use.training_reader for use in study.datasets if use.training_reader}
    return findings + [f"reader {name!r}: no case has it; found {sorted(readers)}" for name in sorted(wanted - readers)]


def _impossible_split(study: Study, cases: Mapping[str, list[Case]]) -> list[str]:
    patients: dict[tuple[str, str], Patient] = {}
    for dataset, group in cases.items():
        for case in group:
            known = patients.get((dataset, case.patient), Patient(dataset, case.patient, case.role, {}))
            images = {name: (*known.images.get(name, ()), f"{dataset}_{case.case}-{name}") for name in case.images}
            patients[dataset, case.patient] = replace(known, images={**known.images, **images})
    try:
        persons = join_persons(study, list(patients.values()))
        annotated = annotated_patients(persons, _readers(cases))
        refuse_overlaps(study, annotated)
        folds = divide(persons, study.split)
        for fold in folds:
            for arm in study.arms:
                training_images(study, arm, fold)
    except StudyError as error:
        return [f"split: {error}"]
    for warning in overlap_warnings(study, annotated):
        print(f"note: {warning}", file=sys.stderr)
    return _unlabelled_cases(study, folds, cases)


def _unlabelled_cases(study: Study, folds: Sequence[Fold], cases: Mapping[str, list[Case]]) -> list[str]:
    images = {
        f"{dataset}_{case.case}-{variant}": {
            "dataset": dataset,
            "patient": case.patient,
            "case": case.case,
            "variant": variant,
        }
        for dataset, group in cases.items()
        for case in group
        for variant in case.images
    }
    try:
        list_template_sets(study, tuple(folds), images)
    except StudyError as error:
        return [str(error)]
    return unlabelled_faults(study, folds, images, _readers(cases))


def _readers(cases: Mapping[str, list[Case]]) -> dict[str, Collection[Any]]:
    return {f"{dataset}_{case.case}": case.annotations for dataset, group in cases.items() for case in group}


def _check_environment(study: Study, device: str) -> list[str]:
    version = importlib.metadata.version("nnunetv2")
    if Version(version) not in NNUNET_VERSIONS:
        return [f"nnunetv2 {version} is installed; wanted {NNUNET_VERSIONS}; pip install -c constraints.txt nnunetv2"]
    from benchmarks.workflow.job import job_environment
    from trainers.registry import EXTENSION_FOLDER, list_trainers

    known = list_trainers()
    names = list(dict.fromkeys(trainer_class(trainer) for trainer in study.trainers))
    unknown = [name for name in names if name not in known]
    if unknown:
        return [f"trainer {unknown[0]!r}: no such file in trainers/nnunet; the trainers are: {', '.join(known)}"]
    budget = study.budgets.get(device)
    pixel_mm = max(budget.spacing_mm) if budget else 0.0
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, device, NO_GPU, str(pixel_mm), *names],
        env=job_environment() | {"nnUNet_extTrainer": str(EXTENSION_FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode == 0:
        return [line for line in answer.stdout.splitlines() if line.partition(":")[0] in names]
    reason = answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "no message"
    if reason == NO_GPU:
        return [reason]
    return [
        f"torch, torchvision and trainers: {reason}; found {_installed('torch')} and {_installed('torchvision')}; "
        "pip install -c constraints.txt torch torchvision installs a pair that fits"
    ]


def _installed(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {package}"
