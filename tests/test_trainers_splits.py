"""A dishonest or missing split is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainers.errors import TrainerError
from trainers.settings import read_settings
from trainers.splits import read_split

KNOWN = {"a-LK", "a-MK", "b-LK", "c-LK"}
SETTINGS: dict[str, Any] = {
    "study": "s",
    "arm": "LK",
    "seed": 0,
    "iterations": 6,
    "iterations_per_epoch": 2,
    "validation_iterations": 1,
    "batch_size": 2,
    "width": 4,
}


def split_file(folder: Path, **split: Any) -> Path:
    path = folder / "splits_s-LK-s0.json"
    path.write_text(json.dumps([split]))
    return path


def test_fold_is_read_in_order(tmp_path: Path) -> None:
    path = split_file(tmp_path, train=["b-LK", "a-LK"], val=["c-LK"])
    assert read_split(path, 0, KNOWN) == (["a-LK", "b-LK"], ["c-LK"])


@pytest.mark.parametrize("fold", [1, -1, "all"])
def test_fold_that_is_not_there(tmp_path: Path, fold: int | str) -> None:
    with pytest.raises(TrainerError, match="found fold"):
        read_split(split_file(tmp_path, train=["a-LK"], val=["b-LK"]), fold, KNOWN)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"splits_x.json.*trainers.prepare"):
        read_split(tmp_path / "splits_x.json", 0, KNOWN)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"train": ["a-LK"], "val": []}, "no case in val"),
        ({"train": ["a-LK", "z-LK"], "val": ["b-LK"]}, "unknown cases: z-LK"),
        ({"train": ["a-LK", "b-LK"], "val": ["b-LK"]}, "cases in train and val: b-LK"),
        ({"train": ["a-LK"], "val": ["a-MK"], "patients": {"a-LK": "a", "a-MK": "a"}}, "patients in train and val: a"),
    ],
)
def test_dishonest_split(tmp_path: Path, split: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainerError, match=message):
        read_split(split_file(tmp_path, **split), 0, KNOWN)


def test_budget_is_read_and_checked() -> None:
    settings = read_settings({"plans_name": "p", "ctshift": SETTINGS})
    assert settings is not None
    assert settings.epochs == 3
    assert read_settings({"plans_name": "p"}) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iterations": 7}, "7 iterations in epochs of 2"),
        ({"validation_iterations": 0}, "validation_iterations = 0"),
        ({"augmentation": "strong"}, "augmentation 'strong'"),
        ({"widht": 4}, r"unknown keys \['widht'\]"),
    ],
)
def test_bad_budget(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainerError, match=message):
        read_settings({"plans_name": "p", "ctshift": SETTINGS | change})
