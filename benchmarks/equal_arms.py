"""Training sets of equal size: N volumes and M slices that show lung, the same choice on every machine.

Hofmanninger et al. 2020, section II-E: to compare collections, each training set was cut to the size of the smallest
(36 patients of one volume each, 3,393 slices with lung). Here the choice is made by hashes of names, so it depends
neither on the order of files nor on who is not chosen, and arms on the same patients choose the same patients.

A volume is an image. An arm takes one image of each patient, and second images only when it has fewer patients than
volumes wanted; so N volumes are N patients wherever they can be. An arm of several variants takes its variants in turn:
of N patients about N / 2 with each of two kernels, not N with both.
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


def level_images(study: Study, arm: Arm, patients: Sequence["Patient"]) -> list[str]:
    """Return the images a levelled arm trains on: as many as the other arms of ``[equal_arms]``.

    Parameters
    ----------
    patients : sequence of Patient
        All training patients of a fold.

    Raises
    ------
    StudyError
        If the arm has fewer images than ``volumes`` asks for.
    """
    arms = [entry for entry in study.arms if entry.name in study.equal_arms.arms]
    wanted = study.equal_arms.volumes or min(len(_in_turn(study, entry, patients)) for entry in arms)
    images = _in_turn(study, arm, patients)
    if len(images) < wanted:
        raise StudyError(f"[equal_arms.volumes] arm {arm.name}: {len(images)} training images, wanted {wanted}")
    return images[:wanted]


def level_slices(
    study: Study, images: Mapping[str, Sequence[str]], slices_of: SlicesOf
) -> dict[str, dict[str, list[int]]]:
    """Choose the slices that the levelled arms train on in a fold: as many for each, one of every image at least.

    Of the slices with lung those with the lowest ranks are taken; variants of one case have the same ranks, so that
    arms of different kernels see the same slices.

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


def _in_turn(study: Study, arm: Arm, patients: Sequence["Patient"]) -> list[str]:
    """Return all images an arm could train on: the first of every patient by rank, then the second of every one..."""
    seed = study.split.seed
    fitting = [entry for entry in patients if entry.dataset in arm.datasets and set(arm.variants) & set(entry.images)]
    ranked = sorted(fitting, key=lambda entry: _rank(seed, *entry.key))
    rounds = [
        (turn, place, image)
        for place, entry in enumerate(ranked)
        for turn, image in enumerate(_of_patient(seed, entry, arm.variants, first=place % len(arm.variants)))
    ]
    return [image for _, _, image in sorted(rounds)]


def _of_patient(seed: int, patient: "Patient", variants: Sequence[str], *, first: int) -> list[str]:
    """Return a patient's images case by case, by rank; of each case the variants in their order from ``first`` on."""
    order = (*variants[first:], *variants[:first])
    images = [
        (_rank(seed, _case(image)), turn, image)
        for turn, variant in enumerate(order)
        for image in patient.images.get(variant, ())
    ]
    return [image for _, _, image in sorted(images)]


def _case(image: str) -> str:
    return image.rsplit("-", 1)[0]


def _choose(seed: int, slices: Mapping[str, Sequence[int]], count: int) -> dict[str, list[int]]:
    """Return ``count`` of the slices, the first of every image among them."""
    ranked = [
        (place > 0, rank, image, z)
        for image, shown in slices.items()
        for place, (rank, z) in enumerate(sorted((_rank(seed, _case(image), str(z)), z) for z in shown))
    ]
    chosen: dict[str, list[int]] = {image: [] for image in sorted(slices)}
    for _, _, image, z in sorted(ranked)[:count]:
        chosen[image].append(z)
    return {image: sorted(places) for image, places in chosen.items()}


def _rank(seed: int, *names: str) -> str:
    return hashlib.sha256("/".join((str(seed), *names)).encode()).hexdigest()
