"""The mixed model and its own standard errors against closed forms and statsmodels, and what it refuses."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.mixed_model import fit_mixed_model

KERNELS = ["LK", "MK", "SK"]


def scores(*, patients: int = 12, spread: float = 0.08, seed: int = 0) -> pd.DataFrame:
    """Return values of every patient on every kernel; two datasets."""
    rng = np.random.default_rng(seed)
    values = 0.8 + spread * rng.normal(size=(patients, 1)) + rng.normal(0, 0.03, (patients, 3)) + [0, 0.02, 0.05]
    return pd.DataFrame({
        "value": values.ravel(), "patient": np.repeat([f"p{index}" for index in range(patients)], 3),
        "kernel": KERNELS * patients, "dataset": np.repeat(np.array(["A", "B"])[np.arange(patients) % 2], 3),
    })  # fmt: skip


def test_balanced_design_by_mean_squares() -> None:
    frame = scores()
    model = fit_mixed_model(frame, "value ~ kernel", errors="model")
    table = frame.pivot(index="patient", columns="kernel", values="value").to_numpy()
    error = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    mean_square = (error**2).sum() / (11 * 2)
    between = 3 * table.mean(1).var(ddof=1)
    assert model.residual_sd == pytest.approx(np.sqrt(mean_square), rel=1e-6)
    assert model.patient_sd == pytest.approx(np.sqrt((between - mean_square) / 3), rel=1e-6)
    rows = model.coefficients.set_index("term")
    assert rows["estimate"].to_numpy() == pytest.approx([table[:, 0].mean(), *(table[:, 1:] - table[:, :1]).mean(0)])
    assert rows["standard_error"]["kernel[T.MK]"] == pytest.approx(np.sqrt(2 * mean_square / 12), rel=1e-6)
    assert rows["df"].tolist() == [11, 22, 22]
    low, high = (rows[name]["kernel[T.MK]"] for name in ("low", "high"))
    assert (high - low) / 2 == pytest.approx(2.073873 * np.sqrt(2 * mean_square / 12), rel=1e-5)  # t(22)


@pytest.mark.parametrize("formula", ["value ~ 1", "value ~ kernel * dataset", "value ~ C(kernel, Sum) + dataset"])
def test_near_statsmodels_in_an_unbalanced_design(formula: str) -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    frame = scores(patients=20, seed=2).drop(index=[3, 10, 11, 40])  # unbalanced
    frame = frame.sample(frac=1, random_state=1)
    model = fit_mixed_model(frame, formula, errors="model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = MixedLM.from_formula(formula, frame.assign(value=frame["value"] * 10), groups=frame["patient"]).fit()
    assert model.coefficients["estimate"].to_numpy() == pytest.approx(theirs.fe_params.to_numpy() / 10, rel=1e-3)
    assert model.coefficients["standard_error"].to_numpy() == pytest.approx(theirs.bse_fe.to_numpy() / 10, rel=5e-3)
    assert model.patient_sd == pytest.approx(np.sqrt(theirs.cov_re.iloc[0, 0]) / 10, rel=1e-3)
    assert (model.converged, model.reason) == (True, "")


def test_terms_between_patients_have_fewer_degrees_of_freedom() -> None:
    rows = fit_mixed_model(scores(), "value ~ kernel * dataset", errors="model").coefficients.set_index("term")
    assert rows["df"].to_dict() == {
        "Intercept": 10, "dataset[T.B]": 10, "kernel[T.MK]": 20, "kernel[T.SK]": 20,
        "kernel[T.MK]:dataset[T.B]": 20, "kernel[T.SK]:dataset[T.B]": 20,
    }  # fmt: skip


def test_units_and_order_do_not_matter() -> None:
    frame = scores()
    first = fit_mixed_model(frame, "value ~ kernel")
    other = fit_mixed_model(frame.assign(value=frame["value"] * 1000).sample(frac=1, random_state=0), "value ~ kernel")
    columns = ["estimate", "standard_error", "low", "high"]
    np.testing.assert_allclose(first.coefficients[columns] * 1000, other.coefficients[columns], rtol=1e-6)
    np.testing.assert_allclose(first.coefficients["p"], other.coefficients["p"], rtol=1e-4)


def test_no_patient_variance_is_said_and_equals_least_squares() -> None:
    frame = scores(spread=0.0, seed=4)
    model = fit_mixed_model(frame, "value ~ kernel", errors="model")
    assert (model.patient_sd, model.reason) == (0.0, "patient variance is estimated as zero (singular fit)")
    groups = frame.groupby("kernel")["value"]
    pooled = np.sqrt((groups.var() * 11).sum() / 33)
    assert model.residual_sd == pytest.approx(pooled)
    assert model.coefficients["standard_error"][1] == pytest.approx(pooled * np.sqrt(2 / 12))


def test_models_that_are_not_defined_say_why() -> None:
    frame = scores()

    def reason(rows: pd.DataFrame, formula: str = "value ~ kernel") -> str:
        model = fit_mixed_model(rows, formula)
        assert len(model.coefficients) == 0
        assert not model.converged
        assert np.isnan(model.patient_sd)
        return model.reason

    assert reason(frame[:6]) == "2 patients, at least 3 needed"
    assert reason(frame[frame["kernel"] == "LK"], "value ~ 1").startswith("no patient has two rows")
    assert reason(frame.assign(value=0.9)) == "all values are equal"
    assert reason(frame.assign(value=[np.inf] + [0.5] * 35)) == "1 of 36 values are infinite"
    exact = frame.assign(value=frame["kernel"].map({"LK": 0.1, "MK": 0.2, "SK": 0.4}))
    assert reason(exact).startswith("nothing is left for the residual")
    missing = frame[~((frame["kernel"] == "SK") & (frame["dataset"] == "B"))]
    assert "kernel[T.SK]:dataset[T.B]" in reason(missing, "value ~ kernel * dataset")
    few = scores(patients=3)[[True, True, False, True, True, False, True, False, False]]
    assert "too few" in reason(few, "value ~ kernel + dataset + C(patient == 'p0')")


def test_bad_frames_are_errors() -> None:
    frame = scores()
    with pytest.raises(AnalysisError, match="no column 'patient'"):
        fit_mixed_model(frame.drop(columns="patient"), "value ~ kernel")
    with pytest.raises(AnalysisError, match="arm"):
        fit_mixed_model(frame, "value ~ arm")
    with pytest.raises(AnalysisError, match="count them before"):
        fit_mixed_model(frame.assign(value=frame["value"].where(frame.index > 0)), "value ~ kernel")
    with pytest.raises(AnalysisError, match="count them before"):
        fit_mixed_model(frame.assign(kernel=frame["kernel"].where(frame.index > 0)), "value ~ kernel")
    with pytest.raises(AnalysisError, match="1 rows without a patient"):
        fit_mixed_model(frame.assign(patient=frame["patient"].where(frame.index > 0)), "value ~ kernel")
    with pytest.raises(AnalysisError, match="no rows"):
        fit_mixed_model(frame[:0], "value ~ kernel")
