"""Names of structures: what means the same, what does not, and what is ambiguous."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.annotations.roi_names import find_roi, plain_name

LEFT = ["Lung_L", "lung-l", "LUNG L", "Left Lung", "Lung.Left", "L_Lung", "LungLeft", "lung Lt", "Lung L ", "leftLung"]
OTHERS = ["Lungs_L", "Lung_R", "Lung", "Lung_L 2", "Lung_LL", "Lung Lobe L", "", "PTV Lung L"]


@pytest.mark.parametrize("name", LEFT)
def test_one_structure_in_many_spellings(name: str) -> None:
    assert find_roi(["Heart", name, *OTHERS], ["Lung_L"]) == name


@pytest.mark.parametrize("name", OTHERS)
def test_another_structure(name: str) -> None:
    assert find_roi([name], ["Lung_L"]) is None


def test_numbers_count_but_not_their_zeros_or_blanks() -> None:
    assert find_roi(["GTV", "GTV-2", "GTV_01"], ["GTV 1"]) == "GTV_01"
    assert find_roi(["GTV", "GTV-2"], ["GTV1"]) is None


def test_exact_name_goes_first_and_alternatives_are_tried() -> None:
    assert find_roi(["Lung L", "Lung_L"], ["Lung_L"]) == "Lung_L"
    assert find_roi(["Cord", "Canal"], ["SpinalCord", "cord"]) == "Cord"


@pytest.mark.parametrize("names", [["Lung_L", "Lung_L"], ["Lung L", "left lung"], ["Lung_L", "Left Lung"]])
def test_two_that_fit_are_ambiguous(names: list[str]) -> None:
    with pytest.raises(ValueError, match="2 that mean Lung_L, Left Lung: "):
        find_roi(names, ["Lung_L", "Left Lung"])


def test_ambiguous_names_with_other_words_are_only_counted() -> None:
    with pytest.raises(ValueError, match="2 that mean") as caught:
        find_roi(["Miller L", "miller left"], ["Miller_L"])
    assert "iller" not in str(caught.value)


@given(
    st.lists(st.sampled_from(["lung", "upper", "lobe", "left", "1"]), min_size=1, max_size=4, unique=True), st.data()
)
def test_order_case_and_separators_do_not_count(words: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(words))
    text = data.draw(st.sampled_from([" ", "_", "-", ". "])).join(shuffled)
    assert plain_name(text.upper()) == plain_name(text.title()) == plain_name("_".join(words))
