"""Agreement, omnibus tests, the mixed model and the published numbers beside a run's, by hand."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_scores import frame, score, two_kernel_study
from scipy import stats
from table_scores import RESNET, UNET, full_results, full_study, in_memory, row, rows_frame

from analysis.errors import NotApplicableError
from analysis.published_results import load_published
from analysis.results import Results, results_in_memory
from analysis.statistics.icc import intraclass_correlation
from analysis.tables import agreement, beside_published, mixed_model, omnibus

PATIENTS = 6
GENERATOR = np.random.default_rng(3)
DICE = {arm: GENERATOR.uniform(0.5, 0.9, PATIENTS) for arm in ("LK", "MK", "LK+MK")}
VOLUMES = {"reader1": 100.0 + 10 * np.arange(PATIENTS), "reader2": 104.0 + 11 * np.arange(PATIENTS)}
PREDICTED = 97.0 + 12 * np.arange(PATIENTS)


def arms(folder: Path, **changes: object) -> Results:
    """Return three arms on one kernel of six patients."""
    rows = [
        score(value, patient=f"P{n}", arm=arm, **changes)
        for arm, values in DICE.items()
        for n, value in enumerate(values)
    ]
    return results_in_memory(frame(rows), two_kernel_study(folder))


def two_readers(folder: Path, *, differing: int = 0) -> Results:
    """Return one model and two readers; the first ``differing`` patients were annotated on other slices."""
    rows = []
    for n in range(PATIENTS):
        for reader, volumes in VOLUMES.items():
            words = {"patient": f"P{n}", "reader": reader, "slices": "annotated"}
            apart = 5.0 if reader == "reader2" and n < differing else 0.0
            rows += [
                row(0.7 + 0.01 * n, **words), row(PREDICTED[n] + apart, metric="volume", **words),
                row(volumes[n], metric="reference_volume", **words),
            ]  # fmt: skip
        pair = {"variant": "", "variant_kind": "", "trainer": "reader", "arm": "reader2", "reader": "reader1"}
        rows.append(row(0.6 + 0.02 * n, patient=f"P{n}", slices="annotated", **pair))
    study = full_study(folder)
    study = replace(study, test_sets=study.test_sets[4:5], trainers=study.trainers[:1], arms=study.arms[:1])
    return in_memory(study, rows_frame(rows))


def test_agreement_of_readers_and_model_by_hand(tmp_path: Path) -> None:
    table = agreement.make(two_readers(tmp_path))
    rows = table.frame.set_index("label")
    assert list(rows.index) == [
        "Reader 1 vs. Reader 2",
        "Reader 1 vs. U-net",
        "Reader 2 vs. U-net",
        "All readers vs. U-net",
    ]
    between = rows.loc["Reader 1 vs. Reader 2"]
    assert (between["median"], between["n"]) == (pytest.approx(0.65), PATIENTS)
    differences = VOLUMES["reader2"] - VOLUMES["reader1"]
    assert between["volume_bias"] == pytest.approx(differences.mean())
    assert between["volume_upper"] == pytest.approx(differences.mean() + 1.96 * differences.std(ddof=1))
    model = rows.loc["Reader 2 vs. U-net"]
    assert model["volume_bias"] == pytest.approx((PREDICTED - VOLUMES["reader2"]).mean())
    mean = (VOLUMES["reader1"] + VOLUMES["reader2"]) / 2
    everyone = rows.loc["All readers vs. U-net"]
    assert everyone["volume_bias"] == pytest.approx((PREDICTED - mean).mean())
    expected = intraclass_correlation(np.column_stack([mean, PREDICTED]))
    assert (everyone["icc"], everyone["icc_low"]) == pytest.approx((expected.estimate, expected.low))
    printed = {name: cells for name, *cells in table.printed()[0].rows()}
    assert printed["Reader 1 vs. Reader 2"][:3] == ["6", "0.65 (0.62–0.68)", "6"]
    assert printed["Reader 1 vs. Reader 2"][-1] == ""


def test_readers_on_other_slices_are_not_compared_by_volume(tmp_path: Path) -> None:
    rows = agreement.make(two_readers(tmp_path, differing=2)).frame.set_index("label")
    assert rows.loc["Reader 1 vs. Reader 2", "volume_n"] == PATIENTS - 2
    assert rows.loc["All readers vs. U-net", "volume_n"] == PATIENTS - 2
    assert rows.loc["Reader 2 vs. U-net", "volume_n"] == PATIENTS
    nobody = agreement.make(two_readers(tmp_path, differing=PATIENTS))
    assert any("no volumes on the same slices" in note for note in nobody.notes)


def test_agreement_without_volumes_has_overlap_only(tmp_path: Path) -> None:
    results = two_readers(tmp_path)
    scores = results.scores[results.scores["metric"].eq("DSC")]
    table = agreement.make(replace(results, scores=scores))
    assert table.printed()[0].rows()[0][1:] == ("6", "0.65 (0.62–0.68)", "0", "–", "–", "")
    with pytest.raises(NotApplicableError, match="symmetric"):
        agreement.make(replace(results, scores=scores.iloc[:0]))


def test_friedman_and_pairs_by_hand(tmp_path: Path) -> None:
    table = omnibus.make(arms(tmp_path))
    rows = table.frame[table.frame["test_set"].eq("LK")]
    every = rows[rows["second"].eq("")].iloc[0]
    expected = stats.friedmanchisquare(*DICE.values())
    assert (every["statistic"], every["p"], every["df"]) == pytest.approx((expected.statistic, expected.pvalue, 2))
    pairs = rows[rows["second"].ne("")]
    plain = [stats.wilcoxon(DICE[a], DICE[b], method="exact").pvalue for a, b in combinations(DICE, 2)]
    assert pairs["p"].tolist() == pytest.approx(plain)
    order = np.argsort(plain)
    holm = np.minimum(1, np.maximum.accumulate(np.array(plain)[order] * [3, 2, 1]))
    assert pairs["p_holm"].to_numpy()[order] == pytest.approx(holm)
    first = pairs.iloc[0]
    walsh = [(a + b) / 2 for i, a in enumerate(DICE["LK"] - DICE["MK"]) for b in (DICE["LK"] - DICE["MK"])[i:]]
    assert first["shift"] == pytest.approx(np.median(walsh))
    assert first["family"] == 3
    assert table.printed()[0].rows()[0][0] == "All (Friedman)"


def test_patients_without_every_arm_are_left_out(tmp_path: Path) -> None:
    results = arms(tmp_path)
    scores = results.scores[~(results.scores["arm"].eq("MK") & results.scores["patient"].eq("P0"))]
    rows = omnibus.make(replace(results, scores=scores)).frame
    assert set(rows.loc[rows["test_set"].eq("LK"), "n"]) == {PATIENTS - 1}
    assert set(rows.loc[rows["test_set"].eq("LK"), "left_out"]) == {1}


def test_constant_and_few_values_are_not_defined(tmp_path: Path) -> None:
    results = arms(tmp_path)
    same = omnibus.make(replace(results, scores=results.scores.assign(value=0.5)))
    assert same.frame["p"].isna().all()
    assert any("Not defined" in note for note in same.notes)
    assert same.printed()[0].rows()[1][-1] == "not defined"
    two = omnibus.make(replace(results, scores=results.scores[results.scores["patient"].isin(["P0", "P1"])]))
    assert two.frame["p"].isna().all()
    assert any("2 patients" in note for note in two.notes)


def test_trainers_are_compared_on_each_arm(tmp_path: Path) -> None:
    table = omnibus.make(full_results(tmp_path))
    assert set(table.frame["compared"]) == {"arms", "trainers"}
    trainers = table.frame[table.frame["compared"].eq("trainers") & table.frame["second"].ne("")]
    assert set(trainers["first"]) == {"U-net"}
    assert set(trainers["family"]) == {1}
    assert trainers["p_holm"].tolist() == pytest.approx(trainers["p"].tolist())


def test_one_arm_has_nothing_to_compare(tmp_path: Path) -> None:
    only = results_in_memory(frame([score(0.5), score(0.6, patient="P2")]), two_kernel_study(tmp_path))
    with pytest.raises(NotApplicableError, match="two arms"):
        omnibus.make(only)


def balanced(folder: Path) -> Results:
    """Return two arms on two kernels of eight patients, with effects that are known exactly."""
    noise = np.random.default_rng(1).normal(0, 0.01, (8, 2, 2))
    noise -= noise.mean(axis=0)
    rows = [
        score(0.6 + 0.02 * n + 0.1 * (arm == "MK") + 0.05 * (variant == "MK") + noise[n, i, j],
              patient=f"P{n}", arm=arm, variant=variant)
        for n in range(8) for i, arm in enumerate(("LK", "MK")) for j, variant in enumerate(("LK", "MK"))
    ]  # fmt: skip
    return results_in_memory(frame(rows), two_kernel_study(folder))


def test_mixed_model_finds_the_effects(tmp_path: Path) -> None:
    table = mixed_model.make(balanced(tmp_path))
    terms = table.frame.set_index("term")
    assert set(terms["formula"]) == {"value ~ arm * variant"}
    assert terms.loc["arm[T.MK]", "estimate"] == pytest.approx(0.1)
    assert terms.loc["variant[T.MK]", "estimate"] == pytest.approx(0.05)
    assert terms.loc["arm[T.MK]:variant[T.MK]", "estimate"] == pytest.approx(0, abs=1e-9)
    assert terms.loc["SD between patients", "estimate"] == pytest.approx(np.std(0.02 * np.arange(8), ddof=1), rel=0.05)
    section = table.printed()[0]
    assert section.title.endswith("value ~ arm * variant (32 values of 8 patients)")
    assert [name for name, *_ in section.rows()] == [
        "Intercept (arm LK, variant LK)", "Arm MK (vs. LK)", "Variant MK (vs. LK)",
        "Arm MK (vs. LK) × Variant MK (vs. LK)", "SD between patients", "SD within patients",
    ]  # fmt: skip


def test_mixed_model_takes_the_patient_as_the_unit(tmp_path: Path) -> None:
    results = balanced(tmp_path)
    table = mixed_model.make(results)
    arm = table.frame.set_index("term").loc["arm[T.MK]"]
    first = results.scores[results.scores["variant"].eq("LK") & results.scores["metric"].eq("DSC")]
    values = first.pivot(index="patient", columns="arm", values="value")
    paired = stats.ttest_rel(values["MK"], values["LK"])
    assert (arm["p"], arm["df"]) == pytest.approx((paired.pvalue, 7), rel=1e-6)
    assert table.printed()[0].rows()[1][3] == "7.0"
    assert any("clustered by patient" in note for note in table.notes)


def test_undetermined_interaction_gives_way(tmp_path: Path) -> None:
    results = balanced(tmp_path)
    scores = results.scores[~(results.scores["arm"].eq("MK") & results.scores["variant"].eq("MK"))]
    table = mixed_model.make(replace(results, scores=scores))
    assert set(table.frame["formula"]) == {"value ~ arm + variant"}
    assert any("largest model that the data determine" in note for note in table.notes)


def test_mixed_model_says_why_it_is_not_defined(tmp_path: Path) -> None:
    results = balanced(tmp_path)
    two = mixed_model.make(replace(results, scores=results.scores[results.scores["patient"].isin(["P0", "P1"])]))
    assert two.printed()[0].rows()[0][0] == "Not defined"
    assert "2 patients" in two.printed()[0].rows()[0][1]
    same = mixed_model.make(replace(results, scores=results.scores.assign(value=0.5)))
    assert any("all values are equal" in note for note in same.notes)
    one = results.scores["arm"].eq("LK") & results.scores["variant"].eq("LK")
    with pytest.raises(NotApplicableError, match="two arms"):
        mixed_model.make(replace(results, scores=results.scores[one]))


def test_published_numbers_stand_beside_the_same_cells(tmp_path: Path) -> None:
    results = arms(tmp_path, dataset="covid19")
    study = replace(
        results.study,
        name="kernel_2021",
        datasets=(replace(results.study.datasets[0], name="covid19", label="COVID-19"),),
        arms=tuple(replace(arm, datasets=("covid19",)) for arm in results.study.arms),
        test_sets=tuple(replace(entry, datasets=("covid19",)) for entry in results.study.test_sets),
    )
    table = beside_published.make(replace(results, study=study))
    published = load_published("hoang_thi_2021")
    assert set(table.frame["source"]) == {"Table 1"}
    medians = table.frame[table.frame["statistic"].eq("median")].set_index(["train", "test"])
    assert set(medians.index) == {(arm, "LK") for arm in DICE}
    for arm, values in DICE.items():
        cell = medians.loc[(arm, "LK")]
        printed = published[
            published["source"].eq("Table 1") & published["train"].eq(arm) & published["test"].eq("LK")
            & published["dataset"].eq("covid19") & published["statistic"].eq("median")
        ]["value"].item()  # fmt: skip
        assert (cell["published"], cell["this_run"]) == (printed, pytest.approx(np.median(values)))
        assert cell["difference"] == pytest.approx(np.median(values) - printed)
    line = table.printed()[0].rows()[0]
    assert line[:4] == ("Trained on lung kernel", "Applied on lung kernel | COVID-19", "median", "0.62")
    assert any(f"{len(table.frame)} of the" in note for note in table.notes)


def test_published_numbers_stand_beside_their_structure_and_trainer(tmp_path: Path) -> None:
    of = {("lung", UNET): 0.9, ("lung", RESNET): 0.8, ("disease", UNET): 0.6, ("disease", RESNET): 0.5}
    rows = [
        score(value + 0.01 * n, structure=structure, trainer=trainer, patient=f"P{n}", dataset="covid19")
        for (structure, trainer), value in of.items()
        for n in range(PATIENTS)
    ]
    study = two_kernel_study(tmp_path)
    study = replace(
        study,
        name="kernel_2021",
        structures={"lung": ("lung",), "disease": ("disease",)},
        datasets=(replace(study.datasets[0], name="covid19"),),
        arms=tuple(replace(arm, datasets=("covid19",)) for arm in study.arms),
        trainers=(replace(study.trainers[0], name=RESNET, label="ResU-net"), study.trainers[0]),
        test_sets=tuple(replace(entry, datasets=("covid19",)) for entry in study.test_sets),
    )
    results = results_in_memory(frame(rows), study)
    medians = beside_published.make(results).frame.query("statistic == 'median'")
    found = medians[["own_structure", "own_trainer", "this_run"]].values.tolist()
    assert found == [["disease", UNET, pytest.approx(0.625)]]
    only = study.trainers[:1]
    with pytest.raises(NotApplicableError, match="no number has its keys"):
        beside_published.make(replace(results, study=replace(study, trainers=only)))


def test_several_models_under_one_published_number_stand_apart(tmp_path: Path) -> None:
    results = full_results(tmp_path)
    settings = replace(results.study.tables.standardisation, structure="liver")
    study = replace(
        results.study, name="standardisation_2023", tables=replace(results.study.tables, standardisation=settings)
    )
    scores = results.scores[results.scores["arm"].eq("RR")]
    scores = scores.assign(structure=scores["structure"].replace("disease", "liver"))
    table = beside_published.make(replace(results, study=study, scores=scores))
    mean = table.frame.query("source == 'Table 2' and method == 'original' and statistic == 'mean'")
    assert mean["own_trainer"].tolist() == [UNET, RESNET]
    assert mean["this_run"].nunique() == 2
    assert mean["published"].nunique() == 1
    assert any("each has a row of its own" in note for note in table.notes)
    assert {head[-1] for head in table.printed()[0].heads()} >= {"Of this run"}
    disease = replace(results, study=replace(results.study, name="standardisation_2023"))
    with pytest.raises(NotApplicableError, match="no number has its keys"):
        beside_published.make(disease)


def test_published_lung_function_has_its_counterpart(tmp_path: Path) -> None:
    results = full_results(tmp_path)
    study = replace(results.study, name="ssc_ild_2020", arms=results.study.arms[:1])
    scores = results.scores[results.scores["arm"].isin(["RR", "reader2", "reader1_repeat"])]
    frame = beside_published.make(replace(results, study=study, scores=scores)).frame
    rho = frame[frame["metric"].eq("extent_with_fvc") & frame["statistic"].eq("rho")]
    assert set(rho["test"]) == {"test", "external"}
    assert set(rho["method"]) == {"U-Net"}
    assert rho["this_run"].between(-1, 1).all()


def test_other_studies_have_no_published_numbers(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="study of a paper"):
        beside_published.make(arms(tmp_path))
    results = arms(tmp_path)
    with pytest.raises(NotApplicableError, match="named as in"):
        beside_published.make(replace(results, study=replace(results.study, name="kernel_2021")))


def test_frames_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis import shared_values

    calls: list[str] = []
    monkeypatch.setattr(
        shared_values, "case_values", lambda scores, study, metric: calls.append(metric) or pd.DataFrame()
    )  # fmt: skip
    first, second = arms(tmp_path), arms(tmp_path)
    for results in (first, first, second):
        shared_values.shared_case_values(results, metric="DSC")
    assert calls == ["DSC", "DSC"]
    del first, results
    shared_values.shared_case_values(second, metric="HD95")
    assert len(shared_values._MADE) >= 1
    assert calls == ["DSC", "DSC", "HD95"]
