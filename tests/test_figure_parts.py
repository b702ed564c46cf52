"""What figures are drawn with: swarms, measured text, sheets, colours, and the choice of cases and slices."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import overlapping_texts, texts_outside
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from analysis.figure import caption_of, figure_name, sheet_names
from analysis.figure_parts.arm_style import arm_styles
from analysis.figure_parts.box_groups import Box, Group, Scale, draw_box_groups, value_scale
from analysis.figure_parts.case_choice import best_recipe, case_means, one_variant, shares, spread_cases
from analysis.figure_parts.contrast import contrast, readable_ink, relative_luminance
from analysis.figure_parts.ct_slice import CtSlice, crop_densest
from analysis.figure_parts.heat_map import MOST_COLUMNS, Cell, ColourScale, Panel, draw_heat_maps
from analysis.figure_parts.lung_layers import lung_layers
from analysis.figure_parts.panel_grid import padded
from analysis.figure_parts.picture_grid import in_pages
from analysis.figure_parts.slice_choice import slice_of_most_difference, slice_with_most
from analysis.figure_parts.swarm import swarm_offsets
from analysis.figure_parts.text_fit import number, text_width_mm, wrap
from analysis.reference_masks import ReaderReference

HEIGHTS = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


def test_points_of_a_swarm_lie_beside_each_other() -> None:
    assert swarm_offsets([5.0, 5.0, 5.0], diameter=1.0, half_width=3.0).tolist() == [0.0, 1.0, -1.0]
    assert swarm_offsets([0.0, 2.0, 4.0], diameter=1.0, half_width=3.0).tolist() == [0.0, 0.0, 0.0]
    assert swarm_offsets([], diameter=1.0, half_width=3.0).size == 0
    assert swarm_offsets([1.0, 1.0], diameter=1.0, half_width=0.0).tolist() == [0.0, 0.0]


@given(HEIGHTS)
def test_no_point_of_a_wide_swarm_covers_another(heights: list[float]) -> None:
    offsets = swarm_offsets(heights, diameter=1.0, half_width=40.0)
    places = np.stack([offsets, heights], axis=1)
    distances = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert (distances[~np.eye(len(heights), dtype=bool)] >= 1 - 1e-6).all()


@given(HEIGHTS, st.randoms())
def test_swarm_does_not_depend_on_the_order_of_different_heights(heights: list[float], random) -> None:
    heights = sorted(set(heights))
    order = list(range(len(heights)))
    random.shuffle(order)
    offsets = swarm_offsets(heights, diameter=1.0, half_width=4.0)
    shuffled = swarm_offsets([heights[index] for index in order], diameter=1.0, half_width=4.0)
    assert shuffled.tolist() == [offsets[index] for index in order]
    assert np.abs(offsets).max() <= 4.0


@given(st.text(alphabet="abcWi .-é", max_size=80), st.floats(5, 60))
def test_wrapped_lines_fit_and_keep_every_letter(text: str, width_mm: float) -> None:
    lines = wrap(text, width_mm).split("\n")
    assert all(text_width_mm(line) <= width_mm or len(line) == 1 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_no_break_space_keeps_words_together() -> None:
    assert wrap("n\u00a0=\u00a03 n\u00a0=\u00a04", 12.0) == "n\u00a0=\u00a03\nn\u00a0=\u00a04"


def test_numbers_have_no_signed_zero() -> None:
    assert [number(value, 1) for value in (-0.04, -0.06, 2.0, -np.inf)] == ["0.0", "−0.1", "2.0", "−∞"]


def test_styles_differ_by_more_than_colour() -> None:
    names = [f"arm{index}" for index in range(24)]
    styles = arm_styles([*names, "ellipsoid"], baselines=["ellipsoid"])
    assert list(styles) == [*names, "ellipsoid"]
    looks = [(style.colour, style.hatch) for style in styles.values()]
    assert len(set(looks)) == len(looks)
    first = list(styles.values())[:7]
    assert len({style.marker for style in first}) == 7


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_ink_can_be_read_on_every_colour(colour: tuple[float, float, float]) -> None:
    ink = 0.0 if readable_ink(colour) == "#000000" else 1.0
    assert contrast(relative_luminance(colour), ink) >= 4.5


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast(relative_luminance((1, 1, 1)), relative_luminance((0, 0, 0))) == pytest.approx(21)


@pytest.mark.parametrize(("groups", "boxes"), [(1, 1), (3, 4), (15, 12)])
def test_every_group_is_on_one_sheet(groups: int, boxes: int) -> None:
    keys = [f"arm{index}" for index in range(boxes)]
    shown = [
        Group(f"g{index}", f"Group {index}", tuple(Box(key, np.array([0.5, 0.6])) for key in keys))
        for index in range(groups)
    ]
    styles = arm_styles(keys)
    sheets = draw_box_groups(shown, styles=styles, labels={key: key for key in keys}, scale=Scale("Value", 0, 1))
    assert [name for _, names in sheets for name in names] == [group.name for group in shown]


def test_scale_ignores_what_is_not_finite() -> None:
    scale = value_scale("x", [1.0, 3.0, np.inf, np.nan], low=0.0)
    assert scale.low == 0.0
    assert 3.0 < scale.high < 3.5
    assert value_scale("x", [np.inf]).high > value_scale("x", [np.inf]).low


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.9, 0.9), (0.9, 0.9 + 1e-16), (-3.0, 5.0)])
def test_limits_hold_the_values(low: float, high: float) -> None:
    first, last = padded(low, high)
    assert first < low <= high < last


def test_wide_heat_map_is_cut_to_equal_parts() -> None:
    cells = (tuple(Cell(float(index), f"{index}") for index in range(15)),)
    panel = Panel("p", "", ("row",), tuple(f"column {index}" for index in range(15)), cells)
    assert [len(part.columns) for part in panel.parts()] == [8, 7]
    assert MOST_COLUMNS >= 12
    sheets = draw_heat_maps([panel], scale=ColourScale("Value"))
    texts = [text.get_text() for figure, _ in sheets for axes in figure.axes for text in axes.texts]
    assert texts == [str(index) for index in range(15)]


@pytest.mark.parametrize("higher", [True, False])
def test_text_can_be_read_on_every_cell(higher: bool) -> None:
    cells = (tuple(Cell(value, "x") for value in np.linspace(0.0, 1.0, 12)),)
    panel = Panel("p", "", ("row",), tuple("abcdefghijkl"), cells)
    ((figure, _),) = draw_heat_maps([panel], scale=ColourScale("Value", higher))
    faces = [relative_luminance(patch.get_facecolor()) for patch in figure.axes[0].patches]
    inks = [relative_luminance(to_rgb(text.get_color())) for text in figure.axes[0].texts]
    assert len(faces) == len(inks) == 12
    assert (np.diff(faces) > 0).all() if higher else (np.diff(faces) < 0).all()
    assert all(contrast(face, ink) >= 4.5 for face, ink in zip(faces, inks, strict=True))


@pytest.mark.parametrize("values", [[np.nan], [0.5, 0.5]])
def test_heat_map_without_a_range_is_drawn(values: list[float]) -> None:
    cells = (tuple(Cell(value, "x") for value in values),)
    panel = Panel("p", "", ("row",), tuple("abc"[: len(values)]), cells)
    ((figure, names),) = draw_heat_maps([panel], scale=ColourScale("Value"))
    figure.canvas.draw()
    assert names == ["p"]


def test_checks_find_what_is_wrong() -> None:
    figure = Figure(figsize=(3, 1))
    figure.text(0.4, 0.5, "first")
    figure.text(0.42, 0.5, "second")
    figure.text(0.97, 0.2, "outside")
    assert overlapping_texts(figure) == [("first", "second")]
    assert texts_outside(figure) == ["outside"]


def test_names_and_captions() -> None:
    assert figure_name("box", "U-Net (2D), x", "", "lung") == "box_U-Net-2D-x_lung"
    assert sheet_names("box", [1]) == ["box"]
    assert sheet_names("box", [1, 2]) == ["box_sheet1", "box_sheet2"]
    assert caption_of("Title", "a", "", "b", text="Text.") == "Title (a, b). Text."
    assert caption_of("Title", "", text="Text.") == "Title. Text."


def test_in_pages_are_few_and_equal() -> None:
    assert [len(page) for page in in_pages(range(7), 6)] == [4, 3]
    assert [len(page) for page in in_pages(range(6), 6)] == [6]
    assert in_pages([], 6) == []


def test_places_are_shared_in_turn() -> None:
    assert shares(6, [10, 10]) == [3, 3]
    assert shares(6, [1, 10, 10]) == [1, 3, 2]
    assert shares(6, [2, 1]) == [2, 1]
    assert shares(6, []) == []


def _values(**patients: float) -> pd.DataFrame:
    rows = [
        {"dataset": "d", "patient": name, "case": name, "variant": kind, "recipe": "A", "trainer": "t", "value": value}
        for kind in ("LK", "MK")
        for name, value in patients.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_cases_are_spread_from_lowest_to_highest() -> None:
    values = _values(a=0.5, b=0.9, c=0.1, d=0.7, e=0.3)
    assert spread_cases(values, 3)["patient"].tolist() == ["c", "a", "b"]
    assert spread_cases(values, 1)["patient"].tolist() == ["a"]
    assert spread_cases(values, 9)["patient"].tolist() == ["c", "e", "a", "d", "b"]
    assert spread_cases(values, 3)["variant"].eq("LK").all()
    assert spread_cases(values.iloc[:0], 3).empty


def test_variant_with_most_cases_is_shown() -> None:
    values = _values(a=0.5, b=0.9)
    assert one_variant(values.drop(index=0))["variant"].eq("MK").all()


def test_lowest_case_comes_first_and_undefined_ones_not_at_all() -> None:
    assert case_means(_values(a=0.5, b=np.nan, c=0.1))["patient"].drop_duplicates().tolist() == ["c", "a"]


def test_best_row_has_the_highest_mean(tmp_path) -> None:
    from figure_scores import crowd

    study = crowd(tmp_path, arms=3, sets=1, patients=1).study
    values = pd.concat([_values(a=0.5).assign(recipe="A0"), _values(a=0.6).assign(recipe="A2")])
    assert best_recipe(values, study) == "A2"
    assert best_recipe(pd.concat([values, _values(a=0.6).assign(recipe="A1")]), study) == "A1"
    assert best_recipe(values.iloc[:0], study) is None


def _reader(mask: np.ndarray, index: list[int] | None = None) -> ReaderReference:
    places = None if index is None else np.array(index)
    return ReaderReference("r", "all", index=places, masks={"disease": mask if index is None else mask[index]})


def _areas(*areas: int) -> np.ndarray:
    mask = np.zeros((len(areas), 4, 4), bool)
    for z, area in enumerate(areas):
        mask[z].flat[:area] = True
    return mask


def test_slice_with_most_is_one_that_all_annotated() -> None:
    assert slice_with_most([_reader(_areas(1, 5, 9, 2))], "disease") == 2
    assert slice_with_most([_reader(_areas(1, 5, 9, 2)), _reader(_areas(9, 9, 9, 9), [0, 1, 3])], "disease") == 1
    assert slice_with_most([_reader(_areas(3, 3))], "disease") == 0
    assert slice_with_most([_reader(_areas(3, 3))], "tumour") is None


def test_slice_of_most_difference_counts_both_ways() -> None:
    predicted = {"disease": _areas(4, 0, 9)}
    assert slice_of_most_difference([_reader(_areas(4, 6, 7))], predicted, "disease") == 1
    assert slice_of_most_difference([_reader(_areas(4, 6, 7), [0, 2])], predicted, "disease") == 2


def test_enlarged_part_holds_most_of_the_mask() -> None:
    image = CtSlice(np.zeros((10, 12), np.float32), (1.0, 1.0), (False, False), (slice(1, 9), slice(2, 12)))
    mask = np.zeros((10, 12), bool)
    mask[6:9, 8:12] = True
    mask[1, 2] = True
    crop = crop_densest(image, mask, share=0.5).crop
    assert crop == (slice(5, 9), slice(7, 12))
    assert mask[crop].sum() == 12


def test_lung_beyond_both_sides_takes_the_nearest_colour() -> None:
    right, left = np.zeros((2, 4, 8), bool)
    right[:, 0:2] = True
    left[:, 6:8] = True
    whole = right | left
    whole[0, 2:6] = True
    first, second = lung_layers({"lung": whole, "right_lung": right, "left_lung": left}, "lung")
    assert (first.mask | second.mask).tolist() == whole.tolist()
    assert not (first.mask & second.mask).any()
    assert first.mask[0].tolist() == [True] * 4 + [False] * 4
    assert len(lung_layers({"lung": whole}, "lung")) == 1
