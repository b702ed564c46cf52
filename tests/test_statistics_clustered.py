"""Standard errors clustered by patient: R's clubSandwich, closed forms, and what a single patient cannot give."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.mixed_model import MixedModel, fit_mixed_model

# R 4.2.2, lme4 1.1-31, clubSandwich 0.5.8 on unbalanced(): coef_test(lmer(value ~ kernel * dataset + (1 | patient)),
# vcov = "CR2", cluster = patient, test = "Satterthwaite"): standard error, degrees of freedom, P
CLUB_SANDWICH = {
    "Intercept": (0.05865714092, 4.960736349, 3.664446096e-05),
    "kernel[T.MK]": (0.02542706647, 3.445202639, 0.5259919901),
    "kernel[T.SK]": (0.02856286150, 3.445202639, 0.4164382403),
    "dataset[T.B]": (0.06089883952, 9.334160458, 0.9387809661),
    "kernel[T.MK]:dataset[T.B]": (0.02770787709, 5.858355899, 0.8090039479),
    "kernel[T.SK]:dataset[T.B]": (0.03031944182, 5.729203737, 0.7573148536),
}


def unbalanced() -> pd.DataFrame:
    """Return 20 patients on three kernels, four values missing; six of dataset A."""
    rng = np.random.default_rng(2)
    values = 0.8 + 0.08 * rng.normal(size=(20, 1)) + rng.normal(0, 0.03, (20, 3)) + [0, 0.02, 0.05]
    numbers = np.repeat(np.arange(20), 3)
    frame = pd.DataFrame({
        "value": values.ravel().round(4), "patient": numbers, "kernel": ["LK", "MK", "SK"] * 20,
        "dataset": np.where(numbers < 6, "A", "B"),
    })  # fmt: skip
    return frame.drop(index=[3, 10, 11, 40])


def crossed(*, patients: int = 9, patient_arm_sd: float = 0.04, seed: int = 0) -> pd.DataFrame:
    """Return two arms on four variants of every patient, the arms differing from patient to patient; two datasets."""
    rng = np.random.default_rng(seed)
    sizes = ((0.1, (patients, 1, 1)), (patient_arm_sd, (patients, 2, 1)), (0.02, (patients, 2, 4)))
    values = 0.7 + sum(rng.normal(0, sd, size) for sd, size in sizes)
    patient, arm, variant = (axis.ravel() for axis in np.indices(values.shape))
    return pd.DataFrame({
        "value": values.ravel(), "patient": patient, "arm": np.array(["X", "Y"])[arm],
        "variant": np.array(list("KLMN"))[variant], "dataset": np.where(patient < 3, "A", "B"),
    })  # fmt: skip


def rows(model: MixedModel) -> pd.DataFrame:
    return model.coefficients.set_index("term")


def test_equal_to_club_sandwich_in_an_unbalanced_design() -> None:
    table = rows(fit_mixed_model(unbalanced(), "value ~ kernel * dataset"))
    assert list(table.index) == list(CLUB_SANDWICH)
    found = table[["standard_error", "df", "p"]].to_numpy()
    np.testing.assert_allclose(found, np.array(list(CLUB_SANDWICH.values())), rtol=1e-6)


def test_the_arm_is_tested_as_patient_means_are_by_a_paired_t_test() -> None:
    frame = crossed()
    table = rows(fit_mixed_model(frame, "value ~ arm + variant"))
    means = frame.pivot_table(index="patient", columns="arm", values="value")
    paired = stats.ttest_rel(means["Y"], means["X"])
    arm = table.loc["arm[T.Y]"]
    assert (arm["p"], arm["df"]) == pytest.approx((paired.pvalue, 8), rel=1e-6)
    interval = paired.confidence_interval()
    assert (arm["low"], arm["high"]) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert rows(fit_mixed_model(frame, "value ~ arm + variant", errors="model"))["df"]["arm[T.Y]"] == 72 - 9 - 4


def test_a_term_between_patients_has_welchs_standard_error() -> None:
    frame = crossed()
    means = frame.groupby(["dataset", "patient"])["value"].mean()
    welch = np.sqrt(sum(group.var() / len(group) for _, group in means.groupby("dataset")))
    table = rows(fit_mixed_model(frame, "value ~ arm + variant + dataset"))
    assert table["standard_error"]["dataset[T.B]"] == pytest.approx(welch, rel=1e-6)


def test_more_variants_of_the_same_patients_are_no_fresh_evidence() -> None:
    frame = crossed()
    twice = pd.concat([frame, frame.assign(variant=frame["variant"] + "2")])
    once, again = (rows(fit_mixed_model(part, "value ~ arm + variant")).loc["arm[T.Y]"] for part in (frame, twice))
    assert again["p"] == pytest.approx(once["p"], rel=1e-6)
    assert again["high"] == pytest.approx(once["high"], rel=1e-6)


def test_estimates_do_not_depend_on_the_errors() -> None:
    model, clustered = (
        fit_mixed_model(unbalanced(), "value ~ kernel * dataset", errors=errors) for errors in ("model", "clustered")
    )
    np.testing.assert_array_equal(model.coefficients["estimate"], clustered.coefficients["estimate"])
    assert (model.patient_sd, model.residual_sd) == (clustered.patient_sd, clustered.residual_sd)


def test_units_and_order_do_not_matter() -> None:
    first = fit_mixed_model(unbalanced(), "value ~ kernel").coefficients
    frame = unbalanced().sample(frac=1, random_state=0)
    other = fit_mixed_model(frame.assign(value=frame["value"] * 1000), "value ~ kernel").coefficients
    np.testing.assert_allclose(first["standard_error"] * 1000, other["standard_error"], rtol=1e-6)
    np.testing.assert_allclose(first["df"], other["df"], rtol=1e-4)


def test_a_dataset_of_one_patient_has_no_interval_and_says_so() -> None:
    frame = crossed()
    alone = frame.assign(dataset=np.where(frame["patient"] == 0, "A", "B"))
    model = fit_mixed_model(alone, "value ~ arm + variant + dataset")
    table = rows(model)
    assert model.reason == "no interval of Intercept, dataset[T.B]: a combination has a single patient"
    assert table.loc["dataset[T.B]", ["standard_error", "df", "low", "high", "p"]].isna().all()
    assert np.isfinite(table["estimate"]).all()
    assert np.isfinite(table.loc["arm[T.Y]"].astype(float)).all()
    by_model = fit_mixed_model(alone, "value ~ arm + variant + dataset", errors="model")
    assert by_model.reason == ""
    assert np.isfinite(by_model.coefficients["p"]).all()
