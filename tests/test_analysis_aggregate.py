"""One value per patient: readers, examinations, seeds and kernels are averaged in that order."""

import numpy as np
import pytest
from analysis_run import STUDY
from analysis_scores import frame, score, study_from, two_kernel_study

from analysis.aggregate import blocks, case_values, patient_values, reader_values, score_counts, score_totals
from analysis.comparisons import planned_comparisons
from analysis.errors import AnalysisError


def _value(values, **wanted):
    for name, value in wanted.items():
        values = values[values[name].eq(value)]
    assert len(values) == 1
    return values.iloc[0]


def test_readers_then_cases_then_seeds_then_kernels(tmp_path) -> None:
    rows = [
        score(0.2, reader="reader1", case="a"), score(0.6, reader="reader2", case="a"),
        score(0.8, reader="reader1", case="b"),
        score(0.9, reader="reader1", case="a", seed=1),
        score(0.5, variant="MK", case="a"),
    ]  # fmt: skip
    values = patient_values(frame(rows), two_kernel_study(tmp_path))
    lung = ((0.2 + 0.6) / 2 + 0.8) / 2
    assert _value(values, test_set="LK").value == pytest.approx((lung + 0.9) / 2)
    assert _value(values, test_set="both").value == pytest.approx(((lung + 0.9) / 2 + 0.5) / 2)


def test_missed_prediction_counts_as_zero_and_is_counted(tmp_path) -> None:
    rows = [
        score(0.8),
        score(np.nan, reader="reader2", status="missing"),
        score(np.nan, patient="P2", status="both_empty"),
    ]
    study = two_kernel_study(tmp_path)
    values = patient_values(frame(rows), study)
    assert _value(values, test_set="LK", patient="P1").value == pytest.approx(0.4)
    undefined = _value(values, test_set="LK", patient="P2")
    assert np.isnan(undefined.value)
    assert undefined.reason == "no defined value"
    counts = _value(score_counts(frame(rows), study), test_set="LK")
    assert (counts.scored, counts.defined, counts.missed, counts.undefined) == (3, 2, 1, 1)
    assert score_totals(frame(rows), study)["scored"] == 3


def test_patient_without_both_kernels(tmp_path) -> None:
    paired = patient_values(frame([score(0.8)]), two_kernel_study(tmp_path))
    assert np.isnan(_value(paired, test_set="both").value)
    unpaired = patient_values(frame([score(0.8)]), two_kernel_study(tmp_path, paired=False))
    assert _value(unpaired, test_set="both").value == pytest.approx(0.8)


def test_readers_of_a_test_set(tmp_path) -> None:
    text = STUDY.replace("{paired}", "true").replace(
        'label = "Applied on lung kernel"', 'label = "Applied on lung kernel"\nreaders = ["reader2"]'
    )
    rows = [score(0.2), score(0.6, reader="reader2")]
    values = patient_values(frame(rows), study_from(text, tmp_path))
    assert _value(values, test_set="LK").value == pytest.approx(0.6)


def test_row_shared_by_arms_of_two_datasets(tmp_path) -> None:
    text = STUDY.replace("{paired}", "true").replace(
        '[[trainers]]',
        '[[datasets]]\nname = "other"\n\n[[arms]]\nname = "LK-other"\nrecipe = "LK"\nvariants = ["LK"]\n'
        'datasets = ["other"]\n\n[[trainers]]',
    )  # fmt: skip
    text = text.replace('lung kernel"\nvariants', 'lung kernel"\ndatasets = ["phantom"]\nvariants', 1)
    study = study_from(text, tmp_path)
    rows = [
        score(0.8), score(0.1, arm="LK-other"),
        score(0.7, dataset="other", arm="LK-other"), score(0.2, dataset="other"),
    ]  # fmt: skip
    values = patient_values(frame(rows), study)
    assert _value(values, test_set="LK", recipe="LK", dataset="phantom").value == pytest.approx(0.8)
    assert _value(values, test_set="LK", recipe="LK", dataset="other").value == pytest.approx(0.7)


def test_a_test_set_that_names_arms_shows_those_and_no_others(tmp_path) -> None:
    text = STUDY.replace("{paired}", "true").replace(
        '[[trainers]]',
        '[[datasets]]\nname = "other"\n\n[[arms]]\nname = "LK-other"\nrecipe = "LK"\nvariants = ["LK"]\n'
        'datasets = ["other"]\n\n[[test_sets]]\nname = "away"\nvariants = ["LK"]\ndatasets = ["other"]\n'
        'arms = ["LK"]\n\n[[trainers]]',
    )  # fmt: skip
    text = text.replace('lung kernel"\nvariants', 'lung kernel"\ndatasets = ["phantom"]\nvariants', 1)
    study = study_from(text, tmp_path)
    rows = [score(0.7, dataset="other", arm="LK-other"), score(0.2, dataset="other", arm="LK")]
    values = patient_values(frame(rows), study)
    assert _value(values, test_set="away", recipe="LK", dataset="other").value == pytest.approx(0.2)
    assert _value(values, test_set="LK", recipe="LK", dataset="other").value == pytest.approx(0.7)


def test_unknown_arm_is_an_error(tmp_path) -> None:
    with pytest.raises(AnalysisError, match="arm 'XX' is not in the study"):
        patient_values(frame([score(0.8, arm="XX")]), two_kernel_study(tmp_path))


def test_order_of_rows_does_not_matter(tmp_path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        score(float(generator.random()), patient=patient, variant=variant, reader=reader, arm=arm)
        for patient in ("P1", "P2", "P3") for variant in ("LK", "MK") for reader in ("r1", "r2") for arm in ("LK", "MK")
    ]  # fmt: skip
    study, keys = two_kernel_study(tmp_path), ["recipe", "test_set", "patient"]
    first = patient_values(frame(rows), study).set_index(keys)["value"].sort_index()
    other = patient_values(frame(rows[::-1]), study).set_index(keys)["value"].sort_index()
    np.testing.assert_allclose(first, other, rtol=1e-12)


SIDES = """[structures]
right_lung = ["right_lung"]
left_lung = ["left_lung"]
"""
AVERAGES = """[scoring]
averages = { lungs = ["right_lung", "left_lung"] }
consensus = ["majority"]
own_variant = "MK"
slices = ["reader", "lung", "all"]
lung = "right_lung"

[tables]"""


def _sides_study(folder, **changes: str):
    text = STUDY.replace("{paired}", "true").replace(
        '[structures]\ndisease = ["ground_glass", "reticulation"]\n', SIDES
    )
    text = text.replace("[tables]", AVERAGES)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return study_from(text, folder)


def test_sides_are_averaged_for_each_case_and_reader_first(tmp_path) -> None:
    rows = [
        score(0.9, structure="right_lung"), score(0.5, structure="left_lung"),
        score(0.8, structure="right_lung", reader="reader2"),  # this reader drew no left lung
        score(np.nan, structure="left_lung", reader="reader2", status="both_empty"),
        score(np.nan, structure="right_lung", patient="P2", status="both_empty"),
        score(np.nan, structure="left_lung", patient="P2", status="both_empty"),
    ]  # fmt: skip
    study = _sides_study(tmp_path)
    values = patient_values(frame(rows), study)
    lungs = _value(values, test_set="LK", structure="lungs", patient="P1")
    assert lungs.value == pytest.approx(((0.9 + 0.5) / 2 + 0.8) / 2)
    assert _value(values, test_set="LK", structure="left_lung", patient="P1").value == pytest.approx(0.5)
    undefined = _value(values, test_set="LK", structure="lungs", patient="P2")
    assert (np.isnan(undefined.value), undefined.reason) == (True, "no defined value")
    counts = _value(score_counts(frame(rows), study), test_set="LK", structure="lungs")
    assert (counts.scored, counts.defined, counts.undefined) == (3, 2, 1)
    assert score_totals(frame(rows), study)["scored"] == 6
    assert [structure for _, structure, _ in blocks(study)] == ["right_lung", "left_lung", "lungs"]


def test_a_missed_side_counts_with_the_worst_value(tmp_path) -> None:
    rows = [
        score(10.0, structure="right_lung", metric="HD95"),
        score(np.inf, structure="left_lung", metric="HD95", status="empty_prediction"),
        score(10.0, structure="right_lung", metric="HD95", patient="P2"),
        score(np.nan, structure="left_lung", metric="HD95", status="missing", patient="P2"),
    ]
    values = case_values(frame(rows), _sides_study(tmp_path), metric="HD95")
    for patient, status in (("P1", "empty_prediction"), ("P2", "missing")):
        row = _value(values, test_set="LK", structure="lungs", patient=patient)
        assert (row.value, row.status) == (np.inf, status)


def test_infinite_distances_stay_infinite_in_every_mean(tmp_path) -> None:
    rows = [
        score(3.0, metric="HD95"), score(np.inf, metric="HD95", reader="reader2", status="empty_prediction"),
        score(5.0, metric="HD95", case="b"), score(4.0, metric="HD95", patient="P2"),
    ]  # fmt: skip
    values = patient_values(frame(rows), two_kernel_study(tmp_path), metric="HD95")
    assert _value(values, test_set="LK", patient="P1").value == np.inf
    assert _value(values, test_set="LK", patient="P2").value == 4.0


def test_case_values_keep_cases_and_variants_apart(tmp_path) -> None:
    rows = [
        score(0.2, reader="reader1", case="a"), score(0.6, reader="reader2", case="a"),
        score(0.8, case="b"), score(0.4, case="b", seed=1), score(0.5, variant="MK", case="a"),
        score(np.nan, case="c", status="no_reference"),
        score(0.0, case="d", status="empty_prediction"), score(0.4, case="d", reader="reader2"),
    ]  # fmt: skip
    values = case_values(frame(rows), two_kernel_study(tmp_path))
    assert _value(values, test_set="LK", case="a").value == pytest.approx(0.4)
    assert _value(values, test_set="LK", case="b").value == pytest.approx(0.6)
    assert len(values[values.test_set.eq("both") & values.case.eq("a")]) == 2
    missing = _value(values, test_set="LK", case="c")
    assert (np.isnan(missing.value), missing.status, missing.reason) == (True, "no_reference", "no reference")
    missed = _value(values, test_set="LK", case="d")
    assert (missed.value, missed.status, missed.reason) == (pytest.approx(0.2), "empty_prediction", "")


def test_readers_nobody_was_count_only_where_a_test_set_names_them(tmp_path) -> None:
    rows = [
        score(0.8, structure="right_lung"),
        score(0.1, structure="right_lung", reader="majority"),
        score(0.2, structure="right_lung", reader="own-MK", slices="all"),
        score(0.3, structure="right_lung", reader="", slices="all"),
        score(0.4, structure="right_lung", trainer="reader", arm="reader2"),
        score(0.5, structure="right_lung", trainer="repeat", arm="reader1_repeat"),
    ]
    values = patient_values(frame(rows), _sides_study(tmp_path))
    assert _value(values, test_set="LK", structure="right_lung").value == 0.8
    named = ('label = "Applied on lung kernel"', 'label = "Applied on lung kernel"\nreaders = ["majority"]')
    values = patient_values(frame(rows), _sides_study(tmp_path, named=named))
    assert _value(values, test_set="LK", structure="right_lung").value == 0.1


def test_a_test_set_takes_the_slices_it_names(tmp_path) -> None:
    rows = [
        score(0.1, structure="right_lung", slices="annotated"),
        score(np.nan, structure="right_lung", slices="all", status="no_reference"),
        score(0.2, structure="right_lung", slices="lung"),
        score(0.3, structure="right_lung", slices="all", patient="P2"),
        score(0.4, structure="right_lung", slices="lung", patient="P2"),
    ]
    found = {}
    for slices in ("reader", "lung", "all"):
        chosen = ('label = "Applied on lung kernel"', f'label = "Applied on lung kernel"\nslices = "{slices}"')
        values = patient_values(frame(rows), _sides_study(tmp_path, chosen=chosen))
        values = values[values.test_set.eq("LK") & values.structure.eq("right_lung")]
        found[slices] = dict(zip(values.patient, values.value, strict=True))
    assert found["reader"] == {"P1": 0.1, "P2": 0.3}
    assert found["lung"] == {"P1": 0.2, "P2": 0.4}
    assert np.isnan(found["all"]["P1"])
    assert found["all"]["P2"] == 0.3


def test_all_slices_together_come_before_slice_by_slice(tmp_path) -> None:
    rows = [score(0.8, dimension="3d"), score(0.6, dimension="2d"), score(0.5, dimension="2d", patient="P2")]
    values = patient_values(frame(rows), two_kernel_study(tmp_path))
    assert _value(values, test_set="LK", patient="P1").value == 0.8
    assert _value(values, test_set="LK", patient="P2").value == 0.5


def test_reader_values_list_every_pair(tmp_path) -> None:
    pair = {"variant": "", "variant_kind": ""}
    rows = [
        score(0.7, trainer="reader", reader="reader1", arm="reader2", **pair),
        score(0.9, trainer="repeat", reader="reader1", arm="reader1_repeat", **pair),
        score(0.6), score(0.4, seed=1), score(0.5, reader="reader2"),
    ]  # fmt: skip
    values = reader_values(frame(rows), two_kernel_study(tmp_path))
    values = values[values.test_set.eq("LK")]
    found = {(row.kind, row.first, row.second, row.recipe): row.value for row in values.itertuples(name="Row")}
    assert found == {
        ("reader", "reader1", "reader2", ""): 0.7,
        ("repeat", "reader1", "reader1_repeat", ""): 0.9,
        ("model", "reader1", "LK", "LK"): 0.5,
        ("model", "reader2", "LK", "LK"): 0.5,
    }
    assert set(reader_values(frame(rows), two_kernel_study(tmp_path)).test_set) == {"LK", "MK", "both"}


@pytest.mark.parametrize("values", [patient_values, case_values, reader_values, score_counts, score_totals])
def test_two_rows_of_one_key_are_an_error(tmp_path, values) -> None:
    rows = frame([score(0.8), score(0.7), score(0.6, reader="reader2")])
    with pytest.raises(AnalysisError, match=r"2 rows for .*patient 'P1'.*reader 'reader1'.*metric 'DSC'"):
        values(rows, two_kernel_study(tmp_path))


def test_a_metric_without_rows_gives_empty_frames(tmp_path) -> None:
    study = two_kernel_study(tmp_path)
    for values in (patient_values, case_values, reader_values, score_counts):
        found = values(frame([score(0.8)]), study, metric="HD95")
        assert found.empty
        assert "structure" in found.columns
    assert score_totals(frame([score(0.8)]), study, metric="HD95")["scored"] == 0


def test_default_comparisons_are_the_papers_eight(tmp_path) -> None:
    found = [(entry.arms, entry.test_sets) for entry in planned_comparisons(two_kernel_study(tmp_path))]
    assert found == [
        (("LK", "MK"), ("both",)), (("LK", "LK+MK"), ("both",)), (("MK", "LK+MK"), ("both",)),
        (("LK+MK", "LK"), ("LK",)), (("LK+MK", "MK"), ("MK",)),
        (("LK",), ("LK", "MK")), (("MK",), ("LK", "MK")), (("LK+MK",), ("LK", "MK")),
    ]  # fmt: skip


def test_default_comparisons_never_pair_slices_or_the_same_kernel(tmp_path) -> None:
    again = '[[test_sets]]\nname = "LK-all"\nslices = "all"\nvariants = ["LK"]\n\n[split]'
    text = STUDY.replace("{paired}", "true").replace("[split]", again) + '\n[scoring]\nslices = ["reader", "all"]\n'
    planned = planned_comparisons(study_from(text, tmp_path))
    assert [entry.test_sets for entry in planned if len(entry.test_sets) == 2] == [("LK", "MK")] * 3
