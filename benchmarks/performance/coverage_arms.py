"""Type I error and coverage of the mixed model where arms do better in some patients than in others."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.statistics.mixed_model import Errors, fit_mixed_model

PATIENT_SD, PATIENT_ARM_SD, RESIDUAL_SD = 0.08, 0.02, 0.02
MEAN, VARIANT_STEP = 0.8, 0.01
FORMULA = "value ~ arm + variant + dataset"
TERMS = {"arm": "arm[T.B]", "variant": "variant[T.L]", "dataset": "dataset[T.S]"}
TRUTH = {"arm": 0.0, "variant": VARIANT_STEP, "dataset": 0.0}
ERRORS: tuple[Errors, ...] = ("model", "clustered")


@dataclass(frozen=True)
class ArmDesign:
    """Every patient has a value per arm and variant; two patients in five are of the first dataset."""

    patients: int = 40
    arms: int = 3
    variants: int = 4
    patient_arm_sd: float = PATIENT_ARM_SD


def measure_arm_errors(design: ArmDesign, *, simulations: int, seed: int) -> pd.DataFrame:
    """Return one row per term and kind of standard error: coverage, its Monte Carlo standard error, mean width.

    No arm and no dataset differs from another: their type I error at 0.05 is one minus the coverage.
    """
    rng = np.random.default_rng(seed)
    covered: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for _ in range(simulations):
        frame = simulate_arms(design, rng)
        for errors in ERRORS:
            table = fit_mixed_model(frame, FORMULA, errors=errors).coefficients.set_index("term")
            for name, term in TERMS.items():
                low, high = float(table["low"][term]), float(table["high"][term])
                label = f"{errors} errors, {name} effect"
                covered.setdefault(label, []).append(low <= TRUTH[name] <= high)
                widths.setdefault(label, []).append(high - low)
    shares = {label: float(np.mean(hits)) for label, hits in covered.items()}
    return pd.DataFrame({
        "interval": list(shares), "coverage": list(shares.values()),
        "type_1_error": [_of_no_effect(label, share) for label, share in shares.items()],
        "standard_error": [float(np.sqrt(share * (1 - share) / simulations)) for share in shares.values()],
        "mean_width": [float(np.mean(widths[label])) for label in shares],
    })  # fmt: skip


def simulate_arms(design: ArmDesign, rng: np.random.Generator) -> pd.DataFrame:
    """Return values of patients x arms x variants: patient, patient-by-arm and variant effects and residual."""
    n, arms, variants = design.patients, design.arms, design.variants
    values = (
        MEAN + rng.normal(0, PATIENT_SD, (n, 1, 1)) + rng.normal(0, design.patient_arm_sd, (n, arms, 1))
        + VARIANT_STEP * np.arange(variants) + rng.normal(0, RESIDUAL_SD, (n, arms, variants))
    )  # fmt: skip
    patient, arm, variant = (axis.ravel() for axis in np.indices(values.shape))
    return pd.DataFrame({
        "value": values.ravel(), "patient": patient, "arm": _letters("A", arms)[arm],
        "variant": _letters("K", variants)[variant], "dataset": np.array(["R", "S"])[(patient % 5 > 1).astype(int)],
    })  # fmt: skip


def _letters(first: str, count: int) -> npt.NDArray[np.str_]:
    return np.array([chr(ord(first) + step) for step in range(count)])


def _of_no_effect(label: str, coverage: float) -> float:
    name = next(name for name in TERMS if f"{name} effect" in label)
    return 1 - coverage if TRUTH[name] == 0 else float("nan")
