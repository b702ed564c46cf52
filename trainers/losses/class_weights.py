"""The weight of each class in the loss: fixed by the study, else the inverse frequency on the training slices."""

from collections.abc import Mapping
from typing import Any

from trainers.errors import TrainerError

FORMULA = "background pixels / structure pixels, over the annotated training pixels"


def weigh_classes(
    labels: Mapping[str, int],
    pixels: Mapping[int, int],
    fixed: Mapping[str, float],
    *,
    where: str,
    published: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return for each class, in the order of its label, its weight and where that comes from.

    Background weighs 1; a structure weighs ``fixed[name]``, else ``published[name]``, else n_background / n_structure
    (Hoang-Thi et al. 2021, section 2.5: "inverse proportional to the appearance of each class", there 60 for COVID-19
    and 65 for ILD).

    Parameters
    ----------
    labels : mapping
        Name to label value, ``background`` 0, without ``ignore``.
    pixels : mapping
        Label value to annotated pixels in the training slices.
    fixed, published : mapping
        Name to weight, of the study and of the paper a trainer follows.

    Raises
    ------
    TrainerError
        ``fixed`` names an unknown structure, or a structure or the background has no annotated training pixel.
    """
    unknown = sorted(fixed.keys() - (labels.keys() - {"background"}))
    if unknown:
        raise TrainerError(
            where,
            found=f"class weights for {unknown}",
            wanted=f"names out of {sorted(labels)}",
            action="correct class_weights in the study",
        )
    weights: dict[str, dict[str, Any]] = {}
    for name, label in sorted(labels.items(), key=lambda item: item[1]):
        count = pixels.get(label, 0)
        if not count:
            raise TrainerError(
                where,
                found=f"no annotated pixel of {name} (label {label}) in the training slices",
                wanted="at least one",
                action="train on patients that have it, or leave the structure out of the study",
            )
        weight, source = _weight(name, count, pixels.get(0, 0), fixed, published or {})
        weights[name] = {"label": label, "weight": weight, "source": source, "pixels": count}
    return weights


def _weight(
    name: str, count: int, background: int, fixed: Mapping[str, float], published: Mapping[str, float]
) -> tuple[float, str]:
    if name == "background":
        return 1.0, "reference"
    if name in fixed:
        return float(fixed[name]), "study"
    if name in published:
        return float(published[name]), "paper"
    return background / count, FORMULA
