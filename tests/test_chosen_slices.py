"""A training sees only the slices that were chosen for its arm."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_run import TRAINER, write_tiny_run

from trainers.errors import TrainerError
from trainers.prepare import prepare
from trainers.run_folder import open_run
from trainers.sampling.census import take_census
from trainers.sampling.chosen_slices import ChosenSlices
from trainers.train import train


class _Cases:
    """Two cases of 5 slices as nnU-Net loads them, the second one cropped by 2 slices at the bottom."""

    identifiers = ("a", "b")

    def load_case(self, identifier: str) -> tuple[np.ndarray, np.ndarray, None, dict[str, object]]:
        first = {"a": 0, "b": 2}[identifier]
        data = np.arange(5 * 3 * 4, dtype=np.float32).reshape(1, 5, 3, 4)
        seg = (data[:] // 12).astype(np.int8)  # the label is the slice
        places = np.array([[0, z, 1, 1] for z in range(5)])
        box = [[first, first + 5], [0, 3], [0, 4]]
        return data, seg, None, {"class_locations": {1: places}, "bbox_used_for_cropping": box}


def test_a_case_cut_to_chosen_slices_by_hand() -> None:
    cut = ChosenSlices(_Cases(), {"a": [4, 1], "b": [3]})
    data, seg, previous, properties = cut.load_case("a")
    assert data.shape == (1, 2, 3, 4)
    assert previous is None
    assert seg[0][:, 0, 0].tolist() == [1, 4]
    assert seg[:, 1:2, 0:2, 3:4].tolist() == [[[[4], [4]]]]
    assert properties["class_locations"][1].tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]
    _, seg, _, properties = cut.load_case("b")  # slice 3 of the image is slice 1 of the crop
    assert seg[0][:, 0, 0].tolist() == [1]
    assert properties["class_locations"][1].tolist() == [[0, 0, 1, 1]]
    assert take_census(cut, None).pixels == {1: 24, 4: 12}


@pytest.mark.parametrize(("case", "z"), [("a", 5), ("b", 1), ("b", 7)])
def test_slices_outside_the_case_are_refused(case: str, z: int) -> None:
    cut = ChosenSlices(_Cases(), {"a": [0], "b": [3], case: [z]})
    with pytest.raises(TrainerError, match="chosen slices inside the case"):
        cut.load_case(case)


def test_a_case_without_chosen_slices_is_refused() -> None:
    with pytest.raises(TrainerError, match="none for b"):
        ChosenSlices(_Cases(), {"a": [1], "b": []})


@pytest.mark.usefixtures("kept_environment")
@pytest.mark.parametrize("trainer", [TRAINER, "nnUNetTrainerCTShiftStock"])
def test_training_sees_the_chosen_slices_only(tmp_path: Path, trainer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_tiny_run(tmp_path / "run", iterations=2)
    path = run / "matrix.json"
    matrix = json.loads(path.read_text())
    split = matrix["plans"][0]["splits"][0]
    split["slices"] = {image: [3] if number else [2, 5] for number, image in enumerate(split["train"])}
    path.write_text(json.dumps(matrix))
    prepare(open_run(run))
    drawn: set[int] = set()
    load = ChosenSlices.load_case

    def spy(self: ChosenSlices, identifier: str) -> object:
        loaded = load(self, identifier)
        drawn.add(loaded[0].shape[1])
        return loaded

    monkeypatch.setattr(ChosenSlices, "load_case", spy)
    model = next(entry for entry in matrix["models"] if entry["model"] == f"LK-{trainer}-s0-f0")
    train(open_run(run), model, "cpu", exact=True)
    assert drawn <= {1, 2}
    assert drawn
    if trainer == TRAINER:
        (weights,) = run.glob("nnUNet_results/*/*/fold_0/class_weights.json")
        assert json.loads(weights.read_text())["slices"] == len(split["train"]) + 1
