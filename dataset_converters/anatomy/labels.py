"""What a label map says about itself and about its CT: one function a check, each returns its doubts.

Label maps are judged by the standard names of structures (``left_lung``, ``liver``...); a name that is not known here
is only asked to lie inside the body. Voxels of the ignore label count neither as a structure nor as background.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.anatomy.body_regions import Mask
from dataset_converters.anatomy.checks import LUNGS_ML, Doubt, ImageFacts
from dataset_converters.anatomy.mask_shift import best_shift
from dataset_converters.records import IGNORED

LUNG_HU = (-970.0, -300.0)
"""Middle value of a lung mask; vessels, disease and breathing in or out included."""
OUTSIDE_SHARE, SECOND_PART, FIT_GAIN = 0.05, 0.1, 0.06
SHIFT_GAIN, LEFT_OUT, FIT_ML = 0.04, 0.1, 300.0
"""Cover gained by a shift: below 0.01 for true masks, dense lung in them or not, 0.05 and more for 8 mm off. Air left
out, but for a rim of one voxel: 0.02 at most for true masks, 0.1 and more for 12 mm off along x or y."""
SIDE_MM, ORDER_MM = 20.0, 10.0
DETACHED_ML = 1.0
"""Less may be what the coarse grid makes of a thin bridge."""
Z_UP, Y_BACK, X_LEFT = 0, 1, 2
ORDER = (
    ("left_lung", "right_lung", X_LEFT),
    ("left_kidney", "right_kidney", X_LEFT),
    ("spleen", "liver", X_LEFT),
    ("stomach", "liver", X_LEFT),
    ("heart", "liver", Z_UP),
    ("lung", "liver", Z_UP),
    ("lung", "kidneys", Z_UP),
    ("lung", "bladder", Z_UP),
    ("trachea", "heart", Z_UP),
    ("trachea", "liver", Z_UP),
    ("liver", "bladder", Z_UP),
    ("spinal_cord", "heart", Y_BACK),
    ("spinal_cord", "oesophagus", Y_BACK),
    ("spinal_cord", "liver", Y_BACK),
)
"""The first lies farther up, back or left than the second."""
_RIM = np.ones((1, 3, 3), dtype=bool)
_DIRECTIONS = {Z_UP: ("above", "below"), Y_BACK: ("behind", "in front of"), X_LEFT: ("left of", "right of")}
_FLIPS = {Z_UP: "up and down", Y_BACK: "front and back", X_LEFT: "left and right"}
_PARENCHYMA = re.compile(
    r"(lung|.*_lung|lungs|lung_.*|.*_lobe|.*lobe_.*|disease|ground_glass|reticulation|consolidation|honeycombing"
    r"|vessels|covid.*|infection)"
)
_DISEASE = re.compile(r"(disease.*|ground_glass|reticulation|consolidation|honeycombing|covid.*|infection)")
_LESION = re.compile(r"(.*tumou?r.*|.*lesion.*|.*nodule.*|.*cancer.*|.*metasta.*|gtv.*)")
_OPTIONAL = re.compile(
    r"(disease|ground_glass|reticulation|consolidation|honeycombing|effusion.*|covid.*|infection|airways|vessels|cyst.*)"
)
_SIDE = re.compile(r"(?:(left|right)_.+|.+_(left|right))")


@dataclass(frozen=True)
class LabelFacts:
    """A label map on the coarse grid of its CT."""

    image: ImageFacts
    structures: Mapping[str, int]

    @cached_property
    def labels(self) -> NDArray[np.integer]:
        """Label values (z up, y back, x left)."""
        labels = self.image.coarse.labels
        assert labels is not None
        return labels

    @cached_property
    def annotated(self) -> Mask:
        """Voxels whose label is known."""
        return ~np.isin(self.labels, open_values(self.structures))

    @cached_property
    def is_whole(self) -> bool:
        """Whether every voxel's label is known."""
        return bool(self.annotated.all())

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Coarse voxels of every structure."""
        names = {value: name for name, value in self.structures.items() if name not in ("background", "ignore")}
        counts = np.bincount(self.labels.ravel(), minlength=256)
        return {name: int(counts[value]) for value, name in names.items()}

    @cached_property
    def lung(self) -> Mask:
        """Lung with the disease in it; both sides, whatever their names. Empty if no name says lung."""
        names = [name for name in self.sizes if _PARENCHYMA.fullmatch(name) and not _LESION.fullmatch(name)]
        if not any("lung" in name or "lobe" in name for name in names):
            return np.zeros(self.labels.shape, dtype=bool)
        return np.isin(self.labels, [self.structures[name] for name in names])

    @cached_property
    def known_lung(self) -> tuple[Mask, Mask]:
        """The lung mask and the air-filled lung in the image, of the slices whose labels are all known."""
        known = self.annotated.all(axis=(1, 2))
        return self.lung[known], self.image.coarse.lungs[known]

    @cached_property
    def best_shift(self) -> tuple[tuple[int, int, int], int]:
        """How to move the lung mask to cover most air-filled lung, and the voxels it then covers."""
        return best_shift(*self.known_lung, along_z=self.is_whole)

    @property
    def lung_ml(self) -> float:
        """Volume of `lung`."""
        return float(self.lung.sum()) * self.image.coarse.voxel_ml

    def mask(self, name: str) -> Mask:
        """Return the mask of a structure, or of its parts: ``lung`` of any lung, ``kidneys`` of both."""
        if name == "lung":
            return self.lung
        names = [name] if name in self.sizes else [f"{side}_{name.removesuffix('s')}" for side in ("left", "right")]
        return np.isin(self.labels, [self.structures[part] for part in names if part in self.sizes])

    def side(self, side: str) -> Mask:
        """Return every structure whose name says ``left`` or ``right``."""
        named = {name: match for name in self.sizes if (match := _SIDE.fullmatch(name)) and not _LESION.fullmatch(name)}
        values = [self.structures[name] for name, match in named.items() if side in match.groups()]
        return np.isin(self.labels, values)


def open_values(structures: Mapping[str, int]) -> tuple[int, int]:
    """Return the values of voxels without a label: 255, and ``ignore``, in readers' masks the first unused value."""
    return IGNORED, structures.get("ignore", max(structures.values(), default=0) + 1)


def shows_lung(structure: str) -> bool:
    """Say whether a structure is lung or lies in it, by its name."""
    return structure != "vessels" and ("lung" in structure or _PARENCHYMA.fullmatch(structure) is not None)


def label_doubts(facts: LabelFacts) -> list[Doubt]:
    """Return what is doubtful in a label map; a partial annotation is not asked for volumes, parts and flips."""
    checks = [side_doubts, order_doubts, empty_doubts, flip_doubts, detached_doubts]
    if facts.image.range_hu[0] < LUNG_HU[1]:
        checks += [body_doubts, lung_value_doubts, place_doubts]
    if facts.is_whole:
        checks += [lung_volume_doubts, part_doubts]
    return [doubt for check in checks for doubt in check(facts)]


def side_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt structures named left that do not lie to the patient's left of those named right."""
    left, right = facts.side("left"), facts.side("right")
    if not left.any() or not right.any():
        return
    distance = _distance(left, right, X_LEFT, facts.image.coarse.spacing_mm)
    if distance < SIDE_MM:
        heart = {
            1: "the heart is on the left, so the labels are exchanged or mirrored without their image",
            -1: "the heart is on the right too, so image and labels are mirrored together",
            0: "the image does not tell which of the two is mirrored",
        }[facts.image.left.verdict]
        where = f"{abs(distance):.0f} mm to the patient's {'left' if distance >= 0 else 'right'}"
        found = f"the structures named left {where} of those named right; {heart}"
        action = "correct the label values, or the header, at the source"
        yield Doubt("error", found, f"{SIDE_MM:.0f} mm or more to the left", action)


def order_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt organs in an order no patient has, such as a liver above the lungs."""
    for first, second, axis in ORDER:
        if first == "left_lung":
            continue
        one, other = facts.mask(first), facts.mask(second)
        if not one.any() or not other.any():
            continue
        distance = _distance(one, other, axis, facts.image.coarse.spacing_mm)
        if distance < -ORDER_MM:
            there, back = _DIRECTIONS[axis]
            action = f"the header exchanges {_FLIPS[axis]}, or the label values are mixed up; compare with the source"
            yield Doubt("error", f"{first} {-distance:.0f} mm {back} {second}", f"{first} {there} {second}", action)


def empty_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt an organ without a voxel, if the image shows lungs; disease, tumours and effusion may be absent."""
    absent = [
        name
        for name, size in facts.sizes.items()
        if not size and not _LESION.fullmatch(name) and not _OPTIONAL.fullmatch(name)
    ]
    if absent and facts.image.coarse.lung_ml > 0:
        action = "keep it if the image does not show it or the patient does not have it"
        yield Doubt("warning", f"no voxel of {', '.join(absent)}", "every organ of the label map", action)


def detached_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt disease that touches no lung, where lung is labelled too: outlined beside the lung, or in another organ."""
    names = [name for name in facts.sizes if _DISEASE.fullmatch(name)]
    disease = np.isin(facts.labels, [facts.structures[name] for name in names])
    healthy = facts.lung & ~disease
    if not healthy.any() or not disease.any():
        return
    parts, count = ndimage.label(facts.lung, np.ones((3, 3, 3)))
    with_lung = np.unique(parts[healthy])
    detached = ~np.isin(np.arange(count + 1), [0, *with_lung])
    volume = float((disease & detached[parts]).sum()) * facts.image.coarse.voxel_ml
    if volume >= DETACHED_ML:
        action = "look at it: a scored model is asked for it, and lung includes it"
        yield Doubt(
            "warning", f"{volume:.1f} mL of {', '.join(names)} that touch no lung", "disease in the lung", action
        )


def body_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt labels in the air around the patient."""
    marked = (facts.labels > 0) & facts.annotated
    body = ndimage.binary_dilation(facts.image.coarse.body, np.ones((3, 3, 3)))
    outside = int((marked & ~body).sum())
    if outside > OUTSIDE_SHARE * max(int(marked.sum()), 1):
        found = f"{outside / marked.sum():.0%} of the labelled voxels outside the body"
        action = "compare image and labels: one of the two is shifted, turned or of another patient"
        yield Doubt("error", found, f"at most {OUTSIDE_SHARE:.0%}", action)


def lung_value_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt a lung mask that does not lie on lung."""
    if not facts.lung.any():
        return
    middle, (low, high) = float(np.median(facts.image.coarse.hu[facts.lung])), LUNG_HU
    if not low <= middle <= high:
        action = "compare image and labels: one of the two is shifted, turned or of another patient"
        yield Doubt("error", f"{middle:.0f} HU in the middle of the lung mask", f"{low:.0f} to {high:.0f} HU", action)


def lung_volume_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt a lung mask too small or too large for an adult; too small only if the image holds the lungs whole."""
    volume, (low, high) = facts.lung_ml, LUNGS_ML
    too_small = 0 < volume < low and not facts.image.is_cut and facts.image.coarse.lung_ml >= low
    if too_small or volume > high:
        action = "check the voxel spacing and that both lungs are labelled"
        yield Doubt("warning", f"a lung mask of {volume:.0f} mL", f"{low:.0f} to {high:.0f} mL in an adult", action)


def part_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt a lung in pieces: a second part of a tenth of the first or more."""
    for name in ("right_lung", "left_lung"):
        parts, _ = ndimage.label(_one_sided_lung(facts, name))
        sizes = np.sort(np.bincount(parts.ravel())[1:])[::-1] * facts.image.coarse.voxel_ml
        if len(sizes) > 1 and sizes[1] > SECOND_PART * sizes[0]:
            action = "look at the slices between the parts"
            yield Doubt("warning", f"{name} in parts of {sizes[0]:.0f} and {sizes[1]:.0f} mL", "one part", action)


def flip_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt a lung mask that fits the air in the image better when it is mirrored; of single slices only in plane."""
    mask, lungs = facts.known_lung
    if not mask.any() or not lungs.any():
        return
    turned = (Z_UP, Y_BACK, X_LEFT) if facts.is_whole else (Y_BACK, X_LEFT)
    flips = [axes for count in range(1, 4) for axes in itertools.combinations(turned, count)]
    fits = {axes: _overlap(np.flip(mask, axes), lungs) for axes in flips}
    plain, best = _overlap(mask, lungs), max(fits, key=lambda axes: fits[axes])
    moved = 2 * facts.best_shift[1] / float(mask.sum() + lungs.sum())
    if fits[best] > max(plain + FIT_GAIN, moved):  # a mask that only lies beside the lung can fit mirrored too
        how = ", ".join(_FLIPS[axis] for axis in best)
        found = f"overlap (Dice) of lung mask and air {plain:.2f}, but {fits[best]:.2f} with {how} exchanged"
        action = "turn the label map as its image is turned; one of the two headers is wrong"
        yield Doubt("error", found, "the best fit as it is", action)


def place_doubts(facts: LabelFacts) -> Iterator[Doubt]:
    """Doubt a lung mask beside the lung: moved it covers more air, or it leaves out air.

    Disease explains dense lung in the mask, not air outside it; so only the air covered is counted.
    """
    mask, lungs = facts.known_lung
    smaller = min(int(mask.sum()), int(lungs.sum()))
    if smaller * facts.image.coarse.voxel_ml < FIT_ML:
        return
    action = "compare image and labels: one of the two is shifted, of another breath or of another patient"
    plain = int((mask & lungs).sum())
    shift, covered = facts.best_shift
    if covered - plain > SHIFT_GAIN * smaller:
        both = int(mask.sum() + lungs.sum())
        where = _moved(shift, facts.image.coarse.spacing_mm)
        found = (
            f"overlap (Dice) of lung mask and air {2 * plain / both:.2f}, but {2 * covered / both:.2f} moved {where}"
        )
        yield Doubt("warning", found, "the best fit as it is", action)
        return
    sides = {side for side in ("left", "right") if facts.side(side).any()}
    outside = lungs & ~ndimage.binary_dilation(mask, _RIM)
    if len(sides) != 1 and outside.sum() > LEFT_OUT * lungs.sum():
        found = f"{outside.sum() / lungs.sum():.0%} of the air-filled lung outside the lung mask"
        yield Doubt("warning", found, f"at most {LEFT_OUT:.0%}", action)


def _one_sided_lung(facts: LabelFacts, name: str) -> Mask:
    return np.isin(facts.labels, [facts.structures[name]] if name in facts.sizes else [])


def _distance(one: Mask, other: Mask, axis: int, spacing_mm: tuple[float, float, float]) -> float:
    """Return how far the middle of one mask lies beyond that of the other along an axis, in mm."""
    first, second = (float(np.mean(np.nonzero(mask)[axis])) for mask in (one, other))
    return (first - second) * spacing_mm[axis]


def _moved(shift: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> str:
    """Return a shift in words."""
    ways = (("up", "down"), ("to the back", "to the front"), ("to the left", "to the right"))
    steps = zip(shift, spacing_mm, ways, strict=True)
    return ", ".join(f"{abs(step * mm):.0f} mm {names[step < 0]}" for step, mm, names in steps if step)


def _overlap(one: Mask, other: Mask) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
