"""Arms of equal size: as many patients and lung slices each, chosen by name, and only these are trained on."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from tiny_run import TRAINER, write_tiny_run

from benchmarks.assemble import assemble
from benchmarks.equal_arms import check_equal_arms, level_slices
from benchmarks.matrix import list_plans
from benchmarks.patients import Fold, Patient, training_images
from benchmarks.run_folder import open_run as start_run
from benchmarks.study import EqualArms, Study
from benchmarks.study_file import StudyError, load_study
from dataset_converters.writing.writer import convert
from trainers.errors import TrainerError
from trainers.prepare import prepare
from trainers.run_folder import open_run
from trainers.sampling.census import take_census
from trainers.sampling.chosen_slices import ChosenSlices
from trainers.train import train

STUDY = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "phantom_papers.toml"
ARMS = ("LK", "MK", "LK+MK", "Routine")


def _study(**equal: object) -> Study:
    """Return a study whose arms LK, MK and LK+MK take dataset ``ild``, and Routine ``routine``."""
    return dataclasses.replace(load_study(STUDY), equal_arms=EqualArms(**equal))  # type: ignore[arg-type]


def _patients(ild: int, routine: int) -> tuple[Patient, ...]:
    return tuple(
        Patient(dataset, f"P{i}", "train", {k: (f"{dataset}_P{i}-{k}",) for k in ("LK", "MK")})
        for dataset, count in (("ild", ild), ("routine", routine))
        for i in range(count)
    )


def _fold(patients: tuple[Patient, ...]) -> Fold:
    return Fold(patients, patients[:1], patients[:1])


def _trained(study: Study, patients: tuple[Patient, ...], arm: str) -> set[str]:
    entry = next(entry for entry in study.arms if entry.name == arm)
    return {image.rsplit("-", 1)[0] for image in training_images(study, entry, _fold(patients))}


@given(ild=st.integers(1, 9), routine=st.integers(1, 9), order=st.randoms())
def test_every_arm_gets_as_many_patients_as_the_smallest_in_any_order(ild: int, routine: int, order: object) -> None:
    study, patients = _study(arms=ARMS), _patients(ild, routine)
    chosen = {arm: _trained(study, patients, arm) for arm in ARMS}
    assert {len(cases) for cases in chosen.values()} == {min(ild, routine)}
    assert chosen["LK"] == chosen["MK"] == chosen["LK+MK"]  # the kernels of the same patients
    shuffled = list(patients)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {arm: _trained(study, tuple(shuffled), arm) for arm in ARMS} == chosen


def test_a_given_number_of_patients_is_taken_and_a_larger_one_refused() -> None:
    patients = _patients(6, 4)
    study = _study(arms=ARMS, volumes=3)
    assert [len(_trained(study, patients, arm)) for arm in ARMS] == [3, 3, 3, 3]
    with pytest.raises(StudyError, match="arm Routine: 4 training patients, wanted 5"):
        _trained(_study(arms=ARMS, volumes=5), patients, "Routine")


def test_an_arm_that_is_not_named_keeps_all_its_patients() -> None:
    study = _study(arms=("MK", "Routine"))
    assert len(_trained(study, _patients(6, 2), "LK")) == 6
    assert len(_trained(study, _patients(6, 2), "MK")) == 2


def test_the_choice_depends_on_the_seed_and_not_on_who_else_is_there() -> None:
    study, patients = _study(arms=("LK", "Routine"), volumes=4), _patients(12, 12)
    other = dataclasses.replace(study, split=dataclasses.replace(study.split, seed=study.split.seed + 1))
    assert _trained(study, patients, "LK") != _trained(other, patients, "LK")
    chosen = _trained(study, patients, "LK")
    fewer = tuple(entry for entry in patients if f"{entry.dataset}_{entry.patient}" in chosen or entry.patient < "P5")
    assert _trained(study, fewer, "LK") == chosen


SHOWN = {"a-LK": range(2, 8), "b-LK": range(0, 3), "c-MK": range(10, 15), "d-MK": range(5)}


def test_slices_by_hand() -> None:
    study = _study(arms=("LK", "MK"), slices="lung")
    images = {"LK": ["a-LK", "b-LK"], "MK": ["c-MK", "d-MK"]}
    chosen = level_slices(study, images, lambda image: SHOWN[image])
    assert {arm: sum(map(len, slices.values())) for arm, slices in chosen.items()} == {"LK": 9, "MK": 9}
    assert chosen["LK"] == {"a-LK": [2, 3, 4, 5, 6, 7], "b-LK": [0, 1, 2]}  # the smallest arm keeps all it has
    assert all(set(z) <= set(SHOWN[image]) for image, z in chosen["MK"].items())


@given(count=st.integers(2, 9), seed=st.integers(0, 50))
def test_every_image_keeps_a_slice_and_fewer_slices_are_part_of_more(count: int, seed: int) -> None:
    study = dataclasses.replace(_study(arms=("LK", "MK"), slices="lung", lung_slices=count))
    study = dataclasses.replace(study, split=dataclasses.replace(study.split, seed=seed))
    images = {"LK": ["a-LK", "b-LK"], "MK": ["c-MK", "d-MK"]}
    chosen = level_slices(study, images, lambda image: SHOWN[image])
    for slices in chosen.values():
        assert sum(map(len, slices.values())) == count
        assert all(slices.values())
    more = dataclasses.replace(study, equal_arms=dataclasses.replace(study.equal_arms, lung_slices=9))
    for arm, slices in level_slices(more, images, lambda image: SHOWN[image]).items():
        assert all(set(chosen[arm][image]) <= set(z) for image, z in slices.items())


def test_variants_of_a_case_get_the_same_slices() -> None:
    study = _study(arms=("LK", "MK"), slices="lung", lung_slices=4)
    images = {"LK": ["ild_P1-LK", "ild_P2-LK"], "MK": ["ild_P1-MK", "ild_P2-MK"]}
    chosen = level_slices(study, images, lambda _: range(40))
    assert list(chosen["LK"].values()) == list(chosen["MK"].values())


@pytest.mark.parametrize(
    ("count", "shown", "message"),
    [
        (1, [3, 4], "arm LK: 1 slices, wanted 2 .one of each image. to 4"),
        (5, [3, 4], "arm LK: 5 slices, wanted 2 .one of each image. to 4"),
        (0, [], "no lung in the training annotation of a-LK, b-LK"),
    ],
)
def test_impossible_numbers_of_slices_are_refused(count: int, shown: list[int], message: str) -> None:
    study = _study(arms=("LK",), slices="lung", lung_slices=count)
    with pytest.raises(StudyError, match=message):
        level_slices(study, {"LK": ["a-LK", "b-LK"]}, lambda _: shown)


@pytest.mark.parametrize(
    ("equal", "message"),
    [
        ({"arms": ("XK",)}, "unknown name 'XK'"),
        ({"arms": ("LK", "LK")}, "used 2 times"),
        ({"volumes": 3}, "arms. is empty"),
        ({"arms": ("LK",), "volumes": -1}, "found -1, wanted 0 or more"),
        ({"arms": ("LK",), "lung_slices": 9}, 'wanted slices = "lung"'),
        ({"arms": ("All",)}, "has patients_like"),
    ],
)
def test_settings_that_disagree_are_refused(equal: dict[str, object], message: str) -> None:
    study = _study(**equal)
    arms = [dataclasses.replace(arm, patients_like=("LK",)) if arm.name == "All" else arm for arm in study.arms]
    with pytest.raises(StudyError, match=message):
        check_equal_arms(dataclasses.replace(study, arms=tuple(arms)))


def test_lung_slices_need_a_lung() -> None:
    study = _study(arms=("LK",), slices="lung")
    study = dataclasses.replace(study, scoring=dataclasses.replace(study.scoring, lung=""))
    with pytest.raises(StudyError, match=r"needs \[scoring\] lung"):
        check_equal_arms(study)


def test_plans_record_volumes_and_slices_of_every_fold() -> None:
    study, fold = _study(arms=("LK", "Routine"), slices="lung"), _fold(_patients(3, 2))
    plans = {plan["arm"]: plan["splits"][0] for plan in list_plans(study, (fold,), lambda _: range(3, 7))}
    assert plans["LK"]["volumes"] == plans["Routine"]["volumes"] == 2
    assert all(z == [3, 4, 5, 6] for z in plans["LK"]["slices"].values())
    assert "slices" not in plans["MK"]
    assert "volumes" not in plans["MK"]


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


SMALL = "train_patients = 3, test_patients = 1, size_zyx = [8, 32, 32], seed = 3, readers = 1, annotated = 5"
EQUAL = """
[equal_arms]
arms = ["LK", "LK+MK"]
volumes = 2
slices = "lung"

[scoring]
metrics = ["DSC"]
references = { lung = ["right_lung", "left_lung"] }
lung = "lung"
"""


def test_an_assembled_study_records_lung_slices_of_the_training_annotation(tmp_path: Path) -> None:
    text = STUDY.with_name("quickstart.toml").read_text(encoding="utf-8").split("[tables]")[0]
    options = "train_patients = 8, test_patients = 10, size_zyx = [48, 128, 128], seed = 2021"
    (tmp_path / "study.toml").write_text(text.replace(options, SMALL) + EQUAL, encoding="utf-8")
    run = tmp_path / "run"
    start_run(tmp_path / "study.toml", run, data=None, device="cpu")
    (spec,) = (json.loads(path.read_text()) for path in (run / "specs").glob("*.json"))
    convert(
        spec["converter"],
        Path(spec["root"]),
        run,
        nnunet_name=spec["nnunet_name"],
        dataset_id=spec["dataset_id"],
        options=spec["options"],
    )
    assemble(run)
    matrix = json.loads((run / "matrix.json").read_text())
    splits = {plan["arm"]: plan["splits"][0] for plan in matrix["plans"]}
    assert splits["LK"]["volumes"] == splits["LK+MK"]["volumes"] == 2
    assert len(splits["LK"]["train"]) == 2
    assert len(splits["LK+MK"]["train"]) == 4
    counts = {arm: sum(map(len, splits[arm]["slices"].values())) for arm in ("LK", "LK+MK")}
    for image, chosen in splits["LK"]["slices"].items():
        entry = matrix["references"][image.rsplit("-", 1)[0]]
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(run / entry["readers"]["reader1"]["annotation"])))
        shown = np.isin(labels, (1, 2)).any(axis=(1, 2))
        assert chosen == np.flatnonzero(shown).tolist()  # the smallest arm keeps all its slices
    assert counts["LK"] == counts["LK+MK"] > 4
    assert "slices" not in splits["MK"]
    assert len({plan["content"] for plan in matrix["plans"]}) == 3
