"""Nobody is trained on and tested under two names: joined where known, refused where not, warned of where likely."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks.overlap_check import join_persons, overlap_warnings, refuse_overlaps
from benchmarks.patients import Patient, divide
from benchmarks.study import Arm, DatasetUse, Study
from benchmarks.study import TestSet as ScoredSet
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_training import Split
from benchmarks.unlabelled import annotated_patients

STUDY = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"


def _study(*uses: DatasetUse, trained: tuple[str, ...] = (), tested: tuple[str, ...] = ()) -> Study:
    names = tuple(use.name for use in uses)
    arm = Arm("A", ("MK",), datasets=trained or names)
    test_set = ScoredSet("T", ("MK",), datasets=tested or names, arms=("A",))
    study = load_study(STUDY)
    return dataclasses.replace(study, datasets=uses, arms=(arm,), test_sets=(test_set,), baselines=())


def _use(converter: str, name: str = "", /, **settings: Any) -> DatasetUse:
    return DatasetUse(name or converter, converter=converter, **settings)


def _patients(dataset: str, *names: str, role: str = "") -> list[Patient]:
    return [Patient(dataset, name, role, {"MK": (f"{dataset}_{name}-MK",)}) for name in names]


def _persons(study: Study, patients: list[Patient], hashes: dict[str, str] | None = None) -> list[set[str]]:
    groups: dict[tuple[str, str], set[str]] = {}
    for entry in join_persons(study, patients, hashes):
        groups.setdefault(entry.someone, set()).add(f"{entry.dataset}/{entry.patient}")
    return sorted(groups.values(), key=sorted)


def test_known_numbering_joins_the_two_names_of_a_patient() -> None:
    study = _study(_use("plethora"), _use("lung1"))
    patients = _patients("plethora", "LUNG1_002") + _patients("lung1", "LUNG1_001", "LUNG1_002")
    refuse_overlaps(study, patients)
    assert _persons(study, patients) == [
        {"lung1/LUNG1_001"},
        {"lung1/LUNG1_002", "plethora/LUNG1_002"},
    ]


def test_joined_patients_share_a_fold_and_every_fold_is_honest() -> None:
    study = _study(_use("plethora"), _use("lung1"))
    names = [f"LUNG1_{i:03d}" for i in range(1, 9)]
    patients = join_persons(study, _patients("plethora", *names) + _patients("lung1", *names))
    for fold in divide(patients, Split("cross_validation", folds=3, seed=1)):
        assert not {entry.patient for entry in fold.training} & {entry.patient for entry in fold.testing}


def test_without_the_join_such_patients_would_be_on_both_sides() -> None:
    names = [f"LUNG1_{i:03d}" for i in range(1, 9)]
    patients = _patients("plethora", *names) + _patients("lung1", *names)
    leaks = [
        {entry.patient for entry in fold.training} & {entry.patient for entry in fold.testing}
        for fold in divide(patients, Split("cross_validation", folds=3, seed=1))
    ]
    assert any(leaks)


def test_a_person_with_the_role_train_here_and_test_there_is_refused() -> None:
    study = _study(_use("plethora"), _use("lung1"))
    patients = _patients("plethora", "LUNG1_001", "LUNG1_002", "LUNG1_003", role="train")
    patients += _patients("lung1", "LUNG1_001", "LUNG1_002", "LUNG1_003", role="test")
    with pytest.raises(StudyError, match="patients in training and in testing: lung1/LUNG1_00"):
        divide(join_persons(study, patients), Split("roles"))


def test_an_overlap_without_known_numbering_is_refused_with_evidence_and_action() -> None:
    study = _study(_use("lits"), _use("ct_org"))
    with pytest.raises(
        StudyError, match=r"lits and ct_org share patients .part: CT-ORG took.*no_patients_of"
    ) as caught:
        refuse_overlaps(study, _patients("lits", "volume_1") + _patients("ct_org", "volume_1"))
    assert "exclude the shared patients" in str(caught.value)


@pytest.mark.parametrize("settings", [{"no_patients_of": ("ct_org",)}, {"same_patients_as": ("ct_org",)}])
def test_a_user_who_knows_better_is_believed(settings: dict[str, tuple[str, ...]]) -> None:
    study = _study(_use("lits", **settings), _use("ct_org"))
    patients = _patients("lits", "volume_1") + _patients("ct_org", "volume_1", "volume_2")
    refuse_overlaps(study, patients)
    assert len(_persons(study, patients)) == (2 if "same_patients_as" in settings else 3)


def test_an_overlap_that_no_arm_crosses_is_allowed() -> None:
    uses = (_use("lits"), _use("ct_org"), _use("sts"))
    refuse_overlaps(_study(*uses, trained=("lits",), tested=("lits", "sts")), [])
    with pytest.raises(StudyError, match="share patients"):
        refuse_overlaps(_study(*uses, trained=("lits",), tested=("ct_org",)), [])
    with pytest.raises(StudyError, match="share patients"):
        refuse_overlaps(_study(*uses, trained=("ct_org",), tested=("lits",)), [])


def test_a_name_of_another_form_makes_a_known_numbering_unknown() -> None:
    study = _study(_use("plethora"), _use("lung1"))
    with pytest.raises(StudyError, match="plethora and lung1 share patients"):
        refuse_overlaps(study, _patients("plethora", "someone") + _patients("lung1", "LUNG1_001"))


def test_a_possible_overlap_is_a_warning() -> None:
    study = _study(_use("lctsc"), _use("lung1"))
    refuse_overlaps(study, [])
    (warning,) = overlap_warnings(study, [])
    assert "lctsc and lung1 may share patients (LCTSC-S3" in warning
    settled = _study(_use("lctsc"), _use("lung1", no_patients_of=("lctsc",)))
    assert overlap_warnings(settled, []) == []


def test_the_papers_cohorts_are_registered_for_own_data() -> None:
    cohorts = ("hoang_thi_2021_ild", "chassagnon_2020_ssc")
    uses = [_use("dicom_pairs", name, collection=cohort) for name, cohort in zip("ab", cohorts, strict=True)]
    with pytest.raises(StudyError, match=r"a and b share patients .cohort: .*31"):
        refuse_overlaps(_study(*uses), [])
    refuse_overlaps(_study(_use("dicom_pairs", "a"), _use("dicom_pairs", "b")), [])


def test_an_unknown_collection_is_refused() -> None:
    with pytest.raises(StudyError, match="unknown name 'lctcs'"):
        refuse_overlaps(_study(_use("manifest", collection="lctcs")), [])


def test_own_data_named_alike_are_different_people_unless_the_study_says_so() -> None:
    patients = _patients("a", "P1", "P2") + _patients("b", "P1")
    assert len(_persons(_study(_use("phantom", "a"), _use("phantom", "b")), patients)) == 3
    for uses in (
        (_use("phantom", "a"), _use("phantom", "b", same_patients_as=("a",))),
        (_use("phantom", "a", same_patients_as=("b",)), _use("phantom", "b")),
    ):
        assert _persons(_study(*uses), patients) == [{"a/P1", "b/P1"}, {"a/P2"}]


def test_one_collection_twice_has_the_same_people() -> None:
    study = _study(_use("lctsc", "a"), _use("lctsc", "b"))
    assert _persons(study, _patients("a", "S1_101") + _patients("b", "S1_101")) == [{"a/S1_101", "b/S1_101"}]


def test_a_copy_of_a_collection_under_other_names_is_refused() -> None:
    """Copies of one collection: nobody can tell which pseudonym is which patient, unless the study says so."""
    copies = (_use("manifest", "a", collection="lung1"), _use("lung1"))
    patients = _patients("a", "P01", "P02") + _patients("lung1", "LUNG1_001", "LUNG1_002")
    with pytest.raises(StudyError, match=r"a and lung1 share patients .same images: both are lung1.*same_patients_as"):
        refuse_overlaps(_study(*copies), patients)
    for settings in ({"no_patients_of": ("lung1",)}, {"same_patients_as": ("lung1",)}):
        refuse_overlaps(_study(_use("manifest", "a", collection="lung1", **settings), _use("lung1")), patients)
    own = [_use("dicom_pairs", name, collection="hoang_thi_2021_ild") for name in "ab"]
    with pytest.raises(StudyError, match="a and b share patients"):
        refuse_overlaps(_study(*own), _patients("a", "P01") + _patients("b", "P01"))


def test_a_copy_of_a_collection_under_its_own_names_is_joined() -> None:
    study = _study(_use("manifest", "a", collection="lung1"), _use("lung1"))
    patients = _patients("a", "LUNG1_001", "LUNG1_2") + _patients("lung1", "LUNG1_002", "LUNG1_003")
    refuse_overlaps(study, patients)
    assert _persons(study, patients) == [{"a/LUNG1_001"}, {"a/LUNG1_2", "lung1/LUNG1_002"}, {"lung1/LUNG1_003"}]


def test_equal_pseudonyms_of_two_copies_are_two_people_if_the_study_says_so() -> None:
    settled = _use("manifest", "b", collection="lung1", no_patients_of=("a",))
    study, patients = _study(_use("manifest", "a", collection="lung1"), settled), _patients("a", "P1")
    assert _persons(study, [*patients, *_patients("b", "P1")]) == [{"a/P1"}, {"b/P1"}]


def test_a_name_that_nobody_trains_on_or_scores_settles_nothing() -> None:
    study = _study(_use("lits"), _use("msd_liver"))
    patients = _patients("lits", "volume_1") + _patients("msd_liver", "liver_1")
    unlabelled = _patients("lits", "test_volume_7")
    readers = {"lits_volume_1": {"manual"}, "msd_liver_liver_1": {"manual"}, "lits_test_volume_7": set[str]()}
    refuse_overlaps(study, annotated_patients([*patients, *unlabelled], readers))
    refuse_overlaps(study, [*patients, dataclasses.replace(unlabelled[0], images={"XX": ("lits_test_volume_7-XX",)})])
    with pytest.raises(StudyError, match="lits and msd_liver share patients"):
        refuse_overlaps(study, [*patients, *unlabelled])


def test_equal_images_are_one_person_and_joins_carry_on() -> None:
    study = _study(_use("manifest", "a"), _use("manifest", "b"), _use("manifest", "c", same_patients_as=("b",)))
    patients = _patients("a", "X") + _patients("b", "Y") + _patients("c", "Y", "Z")
    hashes = {"a_X-MK": "1f", "b_Y-MK": "1f", "c_Y-MK": "2e", "c_Z-MK": "3d"}
    assert _persons(study, patients, hashes) == [{"a/X", "b/Y", "c/Y"}, {"c/Z"}]


def test_equal_images_of_datasets_that_never_meet_are_left_alone() -> None:
    study = _study(_use("manifest", "a"), _use("manifest", "b"), trained=("a",), tested=("a",))
    patients = _patients("a", "X", "Y") + _patients("b", "X")
    hashes = {"a_X-MK": "1f", "a_Y-MK": "1f", "b_X-MK": "1f"}
    assert _persons(study, patients, hashes) == [{"a/X", "a/Y"}, {"b/X"}]


def test_repeats_inside_a_collection_share_a_fold() -> None:
    study = _study(_use("covid19_ct_seg"))
    patients = _patients("covid19_ct_seg", "radiopaedia_10_85902_1", "radiopaedia_10_85902_3", "radiopaedia_4_85506_1")
    assert [len(group) for group in _persons(study, patients)] == [2, 1]
