"""One value per patient: readers, examinations, seeds and kernels are averaged in that order."""

import numpy as np
import pytest
from analysis_run import STUDY
from analysis_scores import frame, score, study_from, two_kernel_study

from analysis.aggregate import patient_values, score_counts, score_totals
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


def test_native_and_emulated_are_never_pooled(tmp_path) -> None:
    rows = [score(0.8), score(0.6, variant="MK", variant_kind="emulated")]
    values = patient_values(frame(rows), two_kernel_study(tmp_path))
    assert "never pooled" in _value(values, test_set="both").reason
    assert _value(values, test_set="MK").value == pytest.approx(0.6)


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


def test_default_comparisons_are_the_papers_eight(tmp_path) -> None:
    found = [(entry.arms, entry.test_sets) for entry in planned_comparisons(two_kernel_study(tmp_path))]
    assert found == [
        (("LK", "MK"), ("both",)), (("LK", "LK+MK"), ("both",)), (("MK", "LK+MK"), ("both",)),
        (("LK+MK", "LK"), ("LK",)), (("LK+MK", "MK"), ("MK",)),
        (("LK",), ("LK", "MK")), (("MK",), ("LK", "MK")), (("LK+MK",), ("LK", "MK")),
    ]  # fmt: skip
