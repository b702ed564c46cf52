"""Training sets of equal size: N patients and M slices that show lung, the same choice on every machine.

Hofmanninger et al. 2020, section II-E: to compare collections, each training set was cut to the size of the smallest
(36 volumes, 3,393 slices with lung). Here the choice is made by hashes of names, so it depends neither on the order of
files nor on which other patients there are, and arms on the same patients choose the same patients and slices.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.study import Arm, Study
from benchmarks.study_names import StudyError, refuse_repeats, refuse_unknown

if TYPE_CHECKING:
    from benchmarks.patients import Patient

SlicesOf = Callable[[str], Sequence[int]]
"""Image id to the slices (z) on which its training annotation shows lung."""


def check_equal_arms(study: Study) -> None:
    """Refuse settings that disagree.

    Raises
    ------
    StudyError
        If an arm is unknown, is matched otherwise already, or a number makes no sense.
    """
    equal = study.equal_arms
    refuse_unknown("equal_arms.arms", equal.arms, [arm.name for arm in study.arms])
    refuse_repeats("equal_arms.arms", equal.arms)
    for name in ("volumes", "lung_slices"):
        if getattr(equal, name) < 0:
            raise StudyError(f"[equal_arms.{name}] found {getattr(equal, name)}, wanted 0 or more")
    if not equal.arms and equal != type(equal)():
        raise StudyError("[equal_arms.arms] is empty; name the arms to level")
    if equal.lung_slices and equal.slices != "lung":
        raise StudyError(f'[equal_arms.lung_slices] found {equal.lung_slices}, wanted slices = "lung" beside it')
    if equal.slices == "lung" and not study.scoring.lung:
        raise StudyError('[equal_arms.slices] "lung" needs [scoring] lung: name the structure that is the lung')
    for arm in study.arms:
        if arm.name in equal.arms and arm.patients_like:
            raise StudyError(f"[arms.{arm.name}] has patients_like and is levelled by [equal_arms]; choose one")


def level_patients(study: Study, arm: Arm, patients: Sequence["Patient"]) -> list["Patient"]:
    """Return the training patients of an arm, of which a levelled arm takes no more than the others.

    Parameters
    ----------
    patients : sequence of Patient
        All training patients of a fold.

    Raises
    ------
    StudyError
        If a levelled arm has fewer patients than ``volumes`` asks for.
    """
    fitting = _fitting(arm, patients)
    if arm.name not in study.equal_arms.arms:
        return fitting
    wanted = volumes_of(study, patients)
    if len(fitting) < wanted:
        raise StudyError(f"[equal_arms.volumes] arm {arm.name}: {len(fitting)} training patients, wanted {wanted}")
    seed = study.split.seed
    return sorted(sorted(fitting, key=lambda entry: _rank(seed, *entry.key))[:wanted], key=lambda entry: entry.key)


def volumes_of(study: Study, patients: Sequence["Patient"]) -> int:
    """Return how many patients each levelled arm trains on in a fold."""
    arms = [arm for arm in study.arms if arm.name in study.equal_arms.arms]
    return study.equal_arms.volumes or min(len(_fitting(arm, patients)) for arm in arms)


def level_slices(
    study: Study, images: Mapping[str, Sequence[str]], slices_of: SlicesOf
) -> dict[str, dict[str, list[int]]]:
    """Choose the slices that the levelled arms train on in a fold: as many for each, one of every image at least.

    Of the slices with lung those with the lowest ranks are taken; variants of one case have the same ranks, so that an
    arm of two kernels sees both of a slice.

    Parameters
    ----------
    images : mapping
        Levelled arm to the images it trains on.

    Returns
    -------
    dict
        Arm to image to its chosen slices, sorted.

    Raises
    ------
    StudyError
        If an image shows no lung, or an arm has fewer slices, or more images, than the number asked for.
    """
    shown = {image: list(slices_of(image)) for used in images.values() for image in used}
    if bare := sorted(image for image, slices in shown.items() if not slices):
        raise StudyError(
            f"[equal_arms] no lung in the training annotation of {', '.join(bare[:3])}; exclude such cases"
        )
    available = {arm: sum(len(shown[image]) for image in used) for arm, used in images.items()}
    wanted = study.equal_arms.lung_slices or min(available.values())
    for arm, used in images.items():
        if not len(used) <= wanted <= available[arm]:
            raise StudyError(
                f"[equal_arms.lung_slices] arm {arm}: {wanted} slices, wanted {len(used)} (one of each image) to "
                f"{available[arm]} (all with lung)"
            )
    return {arm: _choose(study.split.seed, {i: shown[i] for i in used}, wanted) for arm, used in images.items()}


def _fitting(arm: Arm, patients: Sequence["Patient"]) -> list["Patient"]:
    return [entry for entry in patients if entry.dataset in arm.datasets and set(arm.variants) & set(entry.images)]


def _choose(seed: int, slices: Mapping[str, Sequence[int]], count: int) -> dict[str, list[int]]:
    """Return ``count`` of the slices, the first of every image among them."""
    ranked = [
        (place > 0, rank, image, z)
        for image, shown in slices.items()
        for place, (rank, z) in enumerate(sorted((_rank(seed, image.rsplit("-", 1)[0], str(z)), z) for z in shown))
    ]
    chosen: dict[str, list[int]] = {image: [] for image in sorted(slices)}
    for _, _, image, z in sorted(ranked)[:count]:
        chosen[image].append(z)
    return {image: sorted(places) for image, places in chosen.items()}


def _rank(seed: int, *names: str) -> str:
    return hashlib.sha256("/".join((str(seed), *names)).encode()).hexdigest()
