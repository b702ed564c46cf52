"""The cross matrix by hand: in-domain value, paired and unpaired loss, tail, missed values."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_scores import frame, score, two_kernel_study
from scipy import stats
from table_scores import full_results, full_study, in_memory, row, rows_frame

from analysis.cross_matrix import COLUMNS, compare, cross_matrix
from analysis.errors import NotApplicableError
from analysis.results import Results, results_in_memory
from analysis.tables import cross_datasets, cross_kernels

TRAINER = "nnUNetTrainerWeightedCE2D"
LK = (0.9, 0.8, 0.7)
MK = (0.5, 0.6, 0.1)


def kernels(folder: Path, *, metric: str = "DSC", last: float = MK[2], paired: bool = True) -> Results:
    """Return an arm trained on LK, tested on both kernels of three patients."""
    rows = [score(value, patient=f"P{n}", metric=metric) for n, value in enumerate(LK)]
    rows += [
        score(value, patient=f"{'P' if paired else 'Q'}{n}", variant="MK", metric=metric)
        for n, value in enumerate((*MK[:2], last))
    ]
    return results_in_memory(frame(rows), two_kernel_study(folder))


def matrix(results: Results, **changes) -> pd.DataFrame:
    """Return the kernel matrix of the arm trained on LK, by test kernel."""
    cells = cross_matrix(results, **({"structure": "disease", "trainer": TRAINER, "by": "variant"} | changes))
    return cells[cells["arm"].eq("LK")].set_index("variant")


def test_loss_is_within_patients(tmp_path: Path) -> None:
    cells = matrix(kernels(tmp_path))
    differences = np.subtract(LK, MK)
    half = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    away = cells.loc["MK"]
    assert (away["pairing"], away["n"], away["in_domain"]) == ("paired", 3, False)
    assert (away["loss"], away["low"], away["high"]) == pytest.approx(
        (0.4, differences.mean() - half, differences.mean() + half)
    )
    assert (away["mean"], away["median"], away["home_mean"]) == pytest.approx((0.4, 0.5, 0.8))
    home = cells.loc["LK"]
    assert home["in_domain"]
    assert home["loss"] == 0


def test_tail_is_over_cases(tmp_path: Path) -> None:
    away = matrix(kernels(tmp_path)).loc["MK"]
    assert away["tail"] == pytest.approx(np.quantile(MK, 0.05))
    assert away["worst"] == 0.1
    assert away["below_floor"] == pytest.approx(1 / 3)
    assert away["floor"] == 0.5


def test_lower_is_better_turns_loss_and_tail(tmp_path: Path) -> None:
    away = matrix(kernels(tmp_path, metric="HD95"), metric="HD95").loc["MK"]
    assert away["loss"] == pytest.approx(-0.4)
    assert away["low"] < away["loss"] < away["high"]
    assert away["tail"] == pytest.approx(np.quantile(MK, 0.95))
    assert away["worst"] == 0.6
    assert np.isnan(away["below_floor"])


def test_missed_distances_are_counted_apart(tmp_path: Path) -> None:
    away = matrix(kernels(tmp_path, metric="HD95", last=np.inf), metric="HD95").loc["MK"]
    assert (away["patients"], away["infinite"], away["n"], away["pairing"]) == (3, 1, 3, "paired")
    assert np.isnan([away["loss"], away["low"], away["high"]]).all()
    assert away["reason"] == "1 without distance"
    assert away["median_loss"] == pytest.approx(0.6 - 0.8)
    assert (away["no_distance"], away["missed"]) == (1, 0)
    assert (away["mean"], away["median"]) == pytest.approx((0.55, 0.6))
    assert away["worst"] == np.inf
    assert away["tail"] == np.inf


def test_no_distance_at_home_is_said(tmp_path: Path) -> None:
    results = kernels(tmp_path, metric="HD95")
    scores = results.scores
    scores.loc[scores["variant"].eq("LK") & scores["patient"].isin(["P0", "P1"]), "value"] = np.inf
    away = matrix(results, metric="HD95").loc["MK"]
    assert np.isnan([away["loss"], away["median_loss"]]).all()
    assert away["reason"] == "2 without distance at home"
    scores.loc[scores["variant"].eq("MK") & scores["patient"].isin(["P1", "P2"]), "value"] = np.inf
    away = matrix(replace(results), metric="HD95").loc["MK"]
    assert away["reason"] == "2 without distance, 1 more at home"


def test_printed_loss_says_how_many_have_no_distance(tmp_path: Path) -> None:
    results = kernels(tmp_path, metric="HD95", last=np.inf)
    study = replace(results.study, scoring=replace(results.study.scoring, metrics=("HD95",)))
    table = cross_kernels.make(replace(results, study=study))
    section, tail = table.printed()
    assert section.rows()[0][3:] == ("0.6 (1 without distance)", "– (1 without distance)")
    assert tail.rows()[0][-2:] == ("1", "0")
    assert any(note.startswith("k without distance") for note in table.notes)


def test_missed_and_nothing_to_find_are_counted_apart(tmp_path: Path) -> None:
    results = kernels(tmp_path)
    scores = results.scores
    for patient, status in (("P0", "missing"), ("P1", "empty_prediction"), ("P2", "empty_reference")):
        scores.loc[scores["variant"].eq("MK") & scores["patient"].eq(patient), ["value", "status"]] = (0.0, status)
    away = matrix(results).loc["MK"]
    assert (away["missed"], away["no_prediction"], away["nothing_to_find"]) == (2, 1, 1)
    notes = " ".join(cross_kernels.make(results).notes)
    assert "missed 2 (1 without a prediction, 1 empty); nothing to find 1" in notes


def test_missing_prediction_counts_as_zero(tmp_path: Path) -> None:
    results = kernels(tmp_path)
    scores = results.scores
    scores.loc[scores["variant"].eq("MK") & scores["patient"].eq("P0"), ["value", "status"]] = (np.nan, "missing")
    away = matrix(results).loc["MK"]
    assert (away["missed"], away["worst"], away["mean"]) == (1, 0, pytest.approx((0.6 + 0.1) / 3))


def test_different_patients_are_compared_between_patients(tmp_path: Path) -> None:
    away = matrix(kernels(tmp_path, paired=False)).loc["MK"]
    expected = stats.ttest_ind(LK, MK, equal_var=False).confidence_interval(0.95)
    assert (away["pairing"], away["n"]) == ("unpaired", 6)
    assert (away["loss"], away["low"], away["high"]) == pytest.approx((0.4, expected.low, expected.high))


def test_home_of_two_kernels_is_their_mean(tmp_path: Path) -> None:
    results = kernels(tmp_path)
    scores = results.scores.assign(arm="LK+MK")
    both = pd.concat([scores, results.scores], ignore_index=True)
    cells = cross_matrix(replace(results, scores=both), structure="disease", trainer=TRAINER, by="variant")
    both_kernels = cells[cells["arm"].eq("LK+MK")].set_index("variant")
    assert both_kernels["in_domain"].all()
    assert both_kernels.loc["LK", "loss"] == pytest.approx(-0.2)
    assert both_kernels.loc["MK", "home_mean"] == pytest.approx(0.6)


def test_dataset_matrix_by_hand(tmp_path: Path) -> None:
    values = {"routine": (0.9, 0.8), "public": (0.6, 0.4)}
    rows = [
        row(value, dataset=dataset, patient=f"P{n}") for dataset, pair in values.items() for n, value in enumerate(pair)
    ]
    results = in_memory(full_study(tmp_path), rows_frame(rows))
    cells = cross_matrix(results, structure="disease", trainer=TRAINER, by="dataset")
    assert list(cells.columns) == list(COLUMNS)
    away = cells[cells["arm"].eq("RR") & cells["dataset"].eq("public")].iloc[0]
    expected = stats.ttest_ind(values["routine"], values["public"], equal_var=False).confidence_interval(0.95)
    assert (away["pairing"], away["n"], away["column"]) == ("unpaired", 4, "Public")
    assert (away["loss"], away["low"], away["high"]) == pytest.approx((0.35, expected.low, expected.high))
    table = cross_datasets.make(results)
    assert any("mixes the change of domain" in note for note in table.notes)
    assert table.printed()[0].rows()[0][1:] == ("0.50", "0.350 (−0.342, 1.042)‡", "0.85", "–")


@pytest.mark.parametrize(
    ("home", "away", "pairing", "n"),
    [(range(10), range(9, 13), "unpaired", 13), (range(10), range(8, 12), "unpaired", 12),
     (range(10), range(7, 12), "paired", 3), (range(10), range(7, 15), "unpaired", 15),
     (range(2), range(2), "paired", 2)],
)  # fmt: skip
def test_few_shared_patients_are_not_paired(home: range, away: range, pairing: str, n: int) -> None:
    found = compare({name: 0.9 - name / 50 for name in home}, {name: 0.5 + name**2 / 900 for name in away})
    assert (found.pairing, found.n) == (pairing, n)
    assert found.low < found.loss < found.high


def test_interval_of_tiny_values_is_scaled() -> None:
    home, away = {1: 1.0, 2: 2.0, 3: 4.0}, {4: 0.5, 5: 3.0, 6: 1.0}
    whole = compare(home, away)
    tiny = compare(*({name: 1e-100 * value for name, value in side.items()} for side in (home, away)))
    assert tiny.low / 1e-100 == pytest.approx(whole.low)


def test_comparing_says_what_is_not_defined() -> None:
    assert "at least 2 needed" in compare({1: 0.5}, {1: 0.4}).reason
    assert "needs 2 patients each" in compare({1: 0.5, 2: 0.4}, {1: 0.4}).reason
    assert "no finite value" in compare({1: 0.5}, {}).reason
    same = compare({1: 0.5, 2: 0.5}, {3: 0.4, 4: 0.4})
    assert (same.loss, same.reason != "") == (pytest.approx(0.1), True)


def test_printed_matrix_marks_home_and_says_why_not(tmp_path: Path) -> None:
    results = kernels(tmp_path)
    untrained = {"patient": "P0", "arm": "ellipsoid", "trainer": "centred_ellipsoid"}
    ellipsoid = frame([score(0.2, variant=variant, **untrained) for variant in ("LK", "MK")])
    table = cross_kernels.make(replace(results, scores=pd.concat([results.scores, ellipsoid])))
    section, tail = table.printed()
    assert section.heads() == [
        ("Tested on LK (n = 1–3)", "Mean"), ("Tested on LK (n = 1–3)", "Loss (95% CI)"),
        ("Tested on MK (n = 1–3)", "Mean"), ("Tested on MK (n = 1–3)", "Loss (95% CI)"),
    ]  # fmt: skip
    assert section.rows()[0] == ("LK", "0.80", "–", "0.40", "0.400 (−0.097, 0.897)")
    assert section.rows()[1][2] == "– (not trained)"
    assert section.bold == {(0, 0)}
    assert tail.rows()[0][5:] == ("0.14", "0.10", "33%", "0")


def test_not_applicable_without_another_domain(tmp_path: Path) -> None:
    only = results_in_memory(frame([score(0.5), score(0.6, patient="P2")]), two_kernel_study(tmp_path))
    with pytest.raises(NotApplicableError, match="another variant"):
        cross_kernels.make(only)
    with pytest.raises(NotApplicableError, match="another dataset"):
        cross_datasets.make(only)
    with pytest.raises(NotApplicableError, match="needs"):
        cross_kernels.make(results_in_memory(frame([]), two_kernel_study(tmp_path)))


def test_every_metric_of_the_study_is_in_the_file(tmp_path: Path) -> None:
    table = cross_kernels.make(full_results(tmp_path))
    assert {"DSC", "HD95", "MSD"} <= set(table.frame["metric"])
    assert set(table.frame["slices"]) == {"reader"}
    assert set(table.frame["trainer"]) == {entry.name for entry in full_study(tmp_path).trainers}
