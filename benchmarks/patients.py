"""Which patients train, watch and test: folds and arms, always whole patients."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.equal_arms import level_images
from benchmarks.study import Arm, Study
from benchmarks.study_file import StudyError
from benchmarks.study_training import Split

PatientKey = tuple[str, str]
"""Dataset name and patient: two datasets never share a patient key."""


@dataclass(frozen=True)
class Patient:
    """One patient of one dataset: role from the source, image ids of each variant.

    ``person`` is the same for patients of several datasets, or several names in one, who are known to be one person.
    """

    dataset: str
    patient: str
    role: str
    images: Mapping[str, tuple[str, ...]]
    person: PatientKey | None = None

    @property
    def key(self) -> PatientKey:
        """Return what identifies the patient across datasets."""
        return self.dataset, self.patient

    @property
    def someone(self) -> PatientKey:
        """Return what identifies the person: nobody is in two parts of a fold."""
        return self.person or self.key


@dataclass(frozen=True)
class Fold:
    """The patients of one fold; ``watching`` ones are only looked at during training."""

    training: tuple[Patient, ...]
    watching: tuple[Patient, ...]
    testing: tuple[Patient, ...]


def divide(patients: Sequence[Patient], split: Split) -> tuple[Fold, ...]:
    """Divide patients into folds by the study's rule.

    Cross-validation is stratified by dataset and by the variants a patient has, so that every fold holds the
    same share of each kernel; with roles the source's assignment stands. A person with several names is in one fold.

    Raises
    ------
    StudyError
        If a role is missing, a part is empty, or a patient would be in two parts.
    """
    folds = _by_role(patients, split) if split.kind == "roles" else _cross_validation(patients, split)
    for number, fold in enumerate(folds):
        for name, part in (("training", fold.training), ("watching", fold.watching), ("testing", fold.testing)):
            if not part:
                raise StudyError(f"fold {number}: no {name} patient among {len(patients)}; check roles and folds")
        learnt, seen = fold.training, (*fold.testing, *fold.watching)
        both = {entry.someone for entry in learnt} & {entry.someone for entry in seen}
        if both:
            names = ", ".join("/".join(key) for key in sorted(both))
            raise StudyError(f"fold {number}: patients in training and in testing: {names}; split by patient")
    return folds


def training_images(study: Study, arm: Arm, fold: Fold) -> tuple[str, ...]:
    """Choose the image ids an arm trains on in a fold, sorted.

    An arm of ``[equal_arms]`` takes as many images as the others of it. An arm with ``patients_like`` takes, in all,
    as many patients as the smallest arm named there, an equal share from each of its variants (the first variants take
    the remainder), no patient twice.

    Raises
    ------
    StudyError
        If no image fits or a share cannot be filled.
    """
    if arm.patients_like:
        chosen = _matched(study, arm, fold)
    elif arm.name in study.equal_arms.arms:
        chosen = level_images(study, arm, fold.training)
    else:
        chosen = _images(arm, fold.training)
    if not chosen:
        raise StudyError(f"arm {arm.name}: no training image of variants {list(arm.variants)} in {list(arm.datasets)}")
    return tuple(sorted(chosen))


def watching_images(arm: Arm, fold: Fold) -> tuple[str, ...]:
    """Choose the image ids that watch an arm's training, sorted; all watching patients if none has its variant."""
    fitting = _images(arm, fold.watching)
    everything = [image for entry in fold.watching for ids in entry.images.values() for image in ids]
    return tuple(sorted(fitting or everything))


def _images(arm: Arm, patients: Sequence[Patient]) -> list[str]:
    return [
        image
        for entry in patients
        if entry.dataset in arm.datasets
        for variant in arm.variants
        for image in entry.images.get(variant, ())
    ]


def _matched(study: Study, arm: Arm, fold: Fold) -> list[str]:
    models = [entry for entry in study.arms if entry.name in arm.patients_like]
    size = min(_patient_count(entry, fold.training) for entry in models)
    generator = random.Random(f"{study.split.seed}-{arm.name}")
    chosen: list[str] = []
    taken: set[PatientKey] = set()
    for index, variant in enumerate(arm.variants):
        share = size // len(arm.variants) + (index < size % len(arm.variants))
        free = [
            entry
            for entry in fold.training
            if entry.dataset in arm.datasets and variant in entry.images and entry.key not in taken
        ]
        if len(free) < share:
            raise StudyError(f"arm {arm.name}: {len(free)} patients with {variant}, wanted {share}")
        for entry in generator.sample(sorted(free, key=lambda patient: patient.key), share):
            taken.add(entry.key)
            chosen.extend(entry.images[variant])
    return chosen


def _patient_count(arm: Arm, patients: Sequence[Patient]) -> int:
    return sum(1 for entry in patients if entry.dataset in arm.datasets and set(arm.variants) & set(entry.images))


def _by_role(patients: Sequence[Patient], split: Split) -> tuple[Fold, ...]:
    unknown = [entry for entry in patients if entry.role not in ("train", "test")]
    if unknown:
        raise StudyError(
            f"{len(unknown)} patients have no role (first: {unknown[0].dataset}/{unknown[0].patient}); "
            "give train or test in the source, or use split.kind = 'cross_validation'"
        )
    watching: list[Patient] = []
    for dataset in sorted({entry.dataset for entry in patients}):
        candidates = sorted((p for p in patients if p.dataset == dataset and p.role == "train"), key=lambda p: p.key)
        count = max(1, round(len(candidates) * split.validation_share)) if len(candidates) > 1 else 0
        watching += random.Random(f"{split.seed}-{dataset}").sample(candidates, count)
    seen = {entry.someone for entry in watching}
    training = tuple(entry for entry in patients if entry.role == "train" and entry.someone not in seen)
    return (Fold(training, tuple(watching), tuple(entry for entry in patients if entry.role == "test")),)


def _cross_validation(patients: Sequence[Patient], split: Split) -> tuple[Fold, ...]:
    generator = random.Random(split.seed)
    strata: dict[tuple[str, tuple[str, ...]], list[Patient]] = {}
    for entry in sorted(patients, key=lambda patient: patient.key):
        strata.setdefault((entry.dataset, tuple(sorted(entry.images))), []).append(entry)
    fold_of: dict[PatientKey, int] = {}
    for stratum in sorted(strata):
        members = strata[stratum]
        generator.shuffle(members)
        for entry in members:
            fold_of.setdefault(entry.someone, len(fold_of) % split.folds)
    folds = []
    for number in range(split.folds):
        held_out = tuple(entry for entry in patients if fold_of[entry.someone] == number)
        training = tuple(entry for entry in patients if fold_of[entry.someone] != number)
        folds.append(Fold(training, held_out, held_out))
    return tuple(folds)
