"""What a trainer asks of a plans file."""

from typing import Any

from trainers.errors import TrainerError


def require_2d(plans: dict[str, Any], configuration: str, trainer: str) -> None:
    """Raise ``TrainerError`` unless the configuration cuts 2D patches."""
    patch_size = plans["configurations"][configuration].get("patch_size", [])
    if len(patch_size) != 2:
        raise TrainerError(
            f"{trainer}, plans {plans['plans_name']}",
            found=f"configuration {configuration} with patch {patch_size}",
            wanted="a 2D patch: this trainer works slice by slice",
            action="train configuration 2d",
        )


def require_labels(label_manager: Any, trainer: str) -> None:
    """Raise ``TrainerError`` where labels are overlapping regions, which a softmax cannot express."""
    if label_manager.has_regions:
        raise TrainerError(
            trainer,
            found=f"regions {label_manager.all_regions} in dataset.json",
            wanted="labels that exclude each other",
            action="use a trainer with one sigmoid per region, or give each region its own label",
        )


def with_patch_multiple(plans: dict[str, Any], configuration: str, multiple: int) -> dict[str, Any]:
    """Return the plans with each side of the patch rounded up to a multiple."""
    entry = plans["configurations"][configuration]
    entry["patch_size"] = [-(-int(n) // multiple) * multiple for n in entry["patch_size"]]
    return plans
