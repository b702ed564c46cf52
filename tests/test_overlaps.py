"""Patients that several collections share: the file, its questions, and what dataset files say about themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.registry import dataset_names, find_dataset
from dataset_converters.sources.overlaps import (
    _content,
    models_trained_on,
    one_collection,
    other_collections,
    overlaps_of,
    repeated_images,
    shared_cases,
    shared_patients,
)

NAMES = sorted({name for entry in _content()["pairs"] for name in entry["datasets"]})


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (("lits", "volume_27"), ("msd_liver", "liver_27"), True),
        (("lits", "volume_27"), ("msd_liver", "liver_028"), False),
        (("lits", "volume_7"), ("msd_liver", "liver_007"), True),
        (("lits", "test_volume_7"), ("msd_liver", "liver_7"), None),  # the test images were numbered anew
        (("lits", "volume_3"), ("ct_org", "volume_3"), None),  # overlap known, numbering not
        (("lits", "volume_3"), ("lctsc", "volume_3"), False),
        (("plethora", "LUNG1_001"), ("lung1", "LUNG1_001"), True),
        (("plethora", "LUNG1_001"), ("lung1", "LUNG1_010"), False),
        (("hoang_thi_2021_ild", "P01"), ("chassagnon_2020_ssc", "P01"), None),
        (("lits", "volume_3"), ("lits", "volume_3"), True),
        (("lits", "volume_3"), ("lits", "volume_30"), False),
        (("covid19_ct_seg", "radiopaedia_10_85902_1"), ("covid19_ct_seg", "radiopaedia_10_85902_3"), True),
        (("covid19_ct_seg", "radiopaedia_10_85902_1"), ("covid19_ct_seg", "radiopaedia_29_86490_1"), False),
    ],
)
def test_whether_two_patients_are_one(first: tuple[str, str], second: tuple[str, str], shared: bool | None) -> None:
    assert shared_cases(*first, *second) is shared
    assert shared_cases(*second, *first) is shared


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_overlap_is_symmetric_and_never_of_a_collection_with_itself(first: str, second: str) -> None:
    found = shared_patients(first, second)
    assert found is shared_patients(second, first)
    if first == second:
        assert found is None
    elif found is not None:
        assert {first, second} == set(found.datasets)
        assert found.partner(first) == second
        assert found in overlaps_of(first)


CONTAINED = [entry["datasets"] for entry in _content()["pairs"] if entry["kind"] in ("same images", "subset")]


@pytest.mark.parametrize(("inner", "outer"), CONTAINED)
def test_who_overlaps_a_collection_overlaps_the_one_around_it_and_the_other_way_round(inner: str, outer: str) -> None:
    """What the inner holds is in the outer; what the outer shares with a third may lie in the inner."""
    third = [{overlap.partner(name) for overlap in overlaps_of(name)} - {inner, outer} for name in (inner, outer)]
    assert third[0] == third[1]


def test_a_part_of_a_contained_collection_is_a_subset_of_the_outer_one() -> None:
    contained = {(inner, outer) for inner, outer in CONTAINED}
    contained |= {
        (entry["datasets"][1], entry["datasets"][0]) for entry in _content()["pairs"] if entry["kind"] == "same images"
    }
    for inner, middle in contained:
        for other, outer in contained:
            if middle == other and inner != outer:
                assert (inner, outer) in contained, f"{inner} in {middle} in {outer}"


def test_two_copies_of_a_collection_overlap_in_its_own_names() -> None:
    assert one_collection("lung1").patients["lung1"].fullmatch("LUNG1_007")
    assert one_collection("lctsc").patients == {}


def test_ild_cohort_of_one_paper_lies_in_that_of_another() -> None:
    """Hoang-Thi 2021, 2.1: 37 patients less 6 without a mediastinal kernel; 11 train, 20 test."""
    found = shared_patients("chassagnon_2020_ssc", "hoang_thi_2021_ild")
    assert found is not None
    assert found.kind == "cohort"
    assert "31" in found.evidence
    assert "37" in found.evidence


def test_no_pair_stands_twice_and_every_name_is_known() -> None:
    pairs = [frozenset(entry["datasets"]) for entry in _content()["pairs"]]
    assert len(set(pairs)) == len(pairs)
    assert not set(other_collections()) & set(dataset_names())
    unknown = set(NAMES) - set(dataset_names()) - set(other_collections())
    assert unknown == set(), "a name in overlaps.toml that is neither a dataset file nor a listed collection"
    named = {name for entry in (*_content()["models"],) for name in entry["datasets"]}
    assert named <= set(dataset_names()) | set(other_collections())
    assert {entry["dataset"] for entry in _content()["repeats"]} <= set(dataset_names())


@pytest.mark.parametrize("name", dataset_names())
def test_dataset_file_and_overlaps_file_agree(name: str) -> None:
    """A dataset file names every other dataset file it shares patients with, and no collection that is not listed."""
    partners = {overlap.partner(name) for overlap in overlaps_of(name)}
    assert partners & set(dataset_names()) <= set(find_dataset(name).DATASET.overlaps) <= partners


def test_models_that_saw_a_collection_are_named() -> None:
    assert [seen.model for seen in models_trained_on("ltrc")] == ["lungmask LTRCLobes", "P-HNN"]
    assert models_trained_on("sts") == ()


def test_repeated_images_are_groups_of_one_person() -> None:
    groups = repeated_images("covid19_ct_seg")
    assert len(groups) == 2
    assert all(len(group) == 2 for group in groups)
    assert repeated_images("lits") == ()
