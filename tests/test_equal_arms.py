"""Arms of equal size: as many volumes and lung slices each, chosen by name."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from table_scores import rows_frame

from analysis.evaluate import write_scores
from analysis.results import read_results
from analysis.run_folder import open_run as open_evaluated
from analysis.scoring.image_list import list_images
from analysis.tables import diversity_table1
from benchmarks.assemble import assemble
from benchmarks.equal_arms import check_equal_arms, level_slices
from benchmarks.matrix import list_plans
from benchmarks.patients import Fold, Patient, training_images
from benchmarks.run_folder import open_run as start_run
from benchmarks.study import Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_training import EqualArms
from dataset_converters.writing.writer import convert

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


def _images(study: Study, patients: tuple[Patient, ...], arm: str) -> tuple[str, ...]:
    entry = next(entry for entry in study.arms if entry.name == arm)
    return training_images(study, entry, _fold(patients))


def _trained(study: Study, patients: tuple[Patient, ...], arm: str) -> set[str]:
    return {image.rsplit("-", 1)[0] for image in _images(study, patients, arm)}


@given(ild=st.integers(1, 9), routine=st.integers(1, 9), order=st.randoms())
def test_every_arm_gets_as_many_images_as_the_smallest_in_any_order(ild: int, routine: int, order: object) -> None:
    study, patients = _study(arms=ARMS), _patients(ild, routine)
    chosen = {arm: _images(study, patients, arm) for arm in ARMS}
    assert {len(images) for images in chosen.values()} == {min(ild, 2 * routine)}  # two kernels of a routine patient
    cases = {arm: _trained(study, patients, arm) for arm in ARMS}
    assert cases["LK"] == cases["MK"] == cases["LK+MK"]  # the kernels of the same patients
    shuffled = list(patients)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {arm: _images(study, tuple(shuffled), arm) for arm in ARMS} == chosen


def test_a_given_number_of_images_is_taken_and_a_larger_one_refused() -> None:
    patients = _patients(6, 4)
    study = _study(arms=ARMS, volumes=3)
    assert [len(_images(study, patients, arm)) for arm in ARMS] == [3, 3, 3, 3]
    assert [len(_trained(study, patients, arm)) for arm in ARMS] == [3, 3, 3, 3]
    with pytest.raises(StudyError, match="arm LK: 6 training images, wanted 7"):
        _images(_study(arms=ARMS, volumes=7), patients, "LK")


def test_an_arm_of_two_kernels_takes_them_in_turn_and_second_images_last() -> None:
    patients = _patients(4, 4)
    for volumes, expected in ((2, {1}), (4, {1}), (6, {1, 2}), (8, {2})):
        images = _images(_study(arms=("LK+MK",), volumes=volumes), patients, "LK+MK")
        assert len(set(images)) == volumes
        assert sum(image.endswith("-LK") for image in images) == volumes // 2
        counts = {image.rsplit("-", 1)[0]: 0 for image in images}
        for image in images:
            counts[image.rsplit("-", 1)[0]] += 1
        assert set(counts.values()) == expected


def test_three_images_of_a_patient_are_three_volumes() -> None:
    """P0 has three LK images, P1 one: two volumes are one of each, three or four need more of P0."""
    ids = tuple(f"ild_P0v{visit}-LK" for visit in range(3))
    patients = (
        Patient("ild", "P0", "train", {"LK": ids}),
        Patient("ild", "P1", "train", {"LK": ("ild_P1-LK",)}),
        *_patients(0, 9),
    )
    for volumes, of_first in ((2, 1), (3, 2), (4, 3)):
        study = _study(arms=("LK", "Routine"), volumes=volumes)
        images = _images(study, patients, "LK")
        assert ("ild_P1-LK" in images, len(set(images) & set(ids))) == (True, of_first)
        splits = {plan["arm"]: plan["splits"][0] for plan in list_plans(_only(study), (_fold(patients),))}
        assert (splits["LK"]["volumes"], splits["LK"]["patients"]) == (volumes, 2)
        assert (splits["Routine"]["volumes"], splits["Routine"]["patients"]) == (volumes, volumes)
    assert len(_images(_study(arms=("LK", "Routine")), patients, "Routine")) == 4  # as many as LK has images


def _only(study: Study) -> Study:
    return dataclasses.replace(study, arms=tuple(arm for arm in study.arms if arm.name in study.equal_arms.arms))


def test_two_names_of_one_person_are_one_patient_in_the_record() -> None:
    first, second = (dataclasses.replace(entry, person=("ild", "P0")) for entry in _patients(2, 0))
    study = _only(_study(arms=("LK",)))
    split = list_plans(study, (Fold((first, second), (first,), (first,)),))[0]["splits"][0]
    assert (split["volumes"], split["patients"]) == (2, 1)


def test_an_arm_that_is_not_named_keeps_all_its_images() -> None:
    study = _study(arms=("MK", "Routine"))
    assert len(_images(study, _patients(6, 2), "LK")) == 6
    assert len(_images(study, _patients(6, 2), "MK")) == 4


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
    assert [len(plans[arm]["train"]) for arm in ("LK", "Routine")] == [3, 3]
    assert [plans[arm]["volumes"] for arm in ("LK", "Routine")] == [3, 3]
    assert [plans[arm]["patients"] for arm in ("LK", "Routine")] == [3, 2]
    assert all(z == [3, 4, 5, 6] for z in plans["LK"]["slices"].values())
    assert "slices" not in plans["MK"]
    assert "volumes" not in plans["MK"]


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
    for arm in ("LK", "LK+MK"):
        assert splits[arm]["volumes"] == splits[arm]["patients"] == len(splits[arm]["train"]) == 2
    assert sorted(image[-2:] for image in splits["LK+MK"]["train"]) == ["LK", "MK"]
    counts = {arm: sum(map(len, splits[arm]["slices"].values())) for arm in ("LK", "LK+MK")}
    for image, chosen in splits["LK"]["slices"].items():
        entry = matrix["references"][image.rsplit("-", 1)[0]]
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(run / entry["readers"]["reader1"]["annotation"])))
        shown = np.isin(labels, (1, 2)).any(axis=(1, 2))
        assert chosen == np.flatnonzero(shown).tolist()  # the smallest arm keeps all its slices
    assert counts["LK"] == counts["LK+MK"] > 4
    assert "slices" not in splits["MK"]
    assert len({plan["content"] for plan in matrix["plans"]}) == 3
    printed = _printed_training_sets(run)
    assert printed["LK"] == printed["LK+MK"] == ("2", str(counts["LK"]), str(counts["LK"]))
    assert printed["MK"] != printed["LK"]


def _printed_training_sets(run: Path) -> dict[str, tuple[str, ...]]:
    """Return the counts of Table I of Hofmanninger 2020 by arm, as a run that is evaluated prints them."""
    write_scores([rows_frame([])], list_images(open_evaluated(run)), run)
    table = diversity_table1.make(read_results(run))
    assert "Trained on chosen slices with lung only, which both columns count: LK, LK+MK." in table.notes
    return {row[0]: row[2:] for row in table.printed()[0].rows()}
