"""How often 95% intervals cover the truth when each patient has several variants: ``coverage [--simulations N]``."""

import argparse
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.statistics.bootstrap import cluster_bootstrap
from analysis.statistics.interval import mean_interval
from analysis.statistics.mixed_model import fit_mixed_model
from benchmarks.performance.coverage_arms import PATIENT_ARM_SD, ArmDesign, measure_arm_errors
from benchmarks.performance.coverage_arms import RESIDUAL_SD as ARM_RESIDUAL_SD
from benchmarks.performance.coverage_report import Measured, print_coverage, write_coverage

WANTED = (0.93, 0.97)
REQUIRED = (
    "normal effects, all but the naive interval; patient-by-arm effects, clustered errors of more than 10 patients"
)
FEW = 10
PATIENT_SD, RESIDUAL_SD = 0.08, 0.03
MEAN = 0.8
KERNEL_STEP = 0.01
FORMULA = "value ~ C(kernel, Sum) + C(dataset, Sum)"
Limits = tuple[float, float]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """What is simulated: ``patients`` x ``variants`` values, patient effects normal or skewed as Dice scores are."""

    patients: int = 40
    variants: int = 6
    skewed: bool = False
    resamples: int = 9999


def main(arguments: list[str]) -> int:
    """Print the measured coverage; 1 if an interval that has to cover is outside 0.93-0.97.

    All have to but the naive one, those of skewed effects, and where arms differ from patient to patient the model's
    own errors and those of 10 patients.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance coverage", description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--variants", type=int, default=6)
    parser.add_argument("--resamples", type=int, default=9999, help="of each bootstrap")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="document to write (.md)")
    options = parser.parse_args(arguments)
    measured: list[Measured] = []
    wanted: list[pd.Series] = []
    for one, has_to in (*_of_variants(options), *_of_arms(options)):
        print_coverage(one)
        measured.append(one)
        wanted.append(one.table.loc[has_to, "coverage"])
    shares = pd.concat(wanted)
    outside = int((~shares.between(*WANTED)).sum())
    verdict = f"Wanted: {WANTED[0]} to {WANTED[1]}, {REQUIRED}. Outside: {outside} of {len(shares)}."
    print(f"\n{verdict}")
    if options.out:
        command = shlex.join(["python", "-m", "benchmarks.performance", "coverage", *_told(options)])
        write_coverage(measured, options.out, command=command, verdict=verdict)
    return int(outside > 0)


def _told(options: argparse.Namespace) -> list[str]:
    names = ("simulations", "patients", "variants", "resamples", "seed")
    return [word for name in names for word in (f"--{name}", str(getattr(options, name)))] + ["--out", "FILE.md"]


def _of_variants(options: argparse.Namespace) -> Iterator[tuple[Measured, pd.Series]]:
    """Yield each design of patients x variants and which of its rows have to cover."""
    for skewed in (False, True):
        design = Design(options.patients, options.variants, skewed, options.resamples)
        table = measure_coverage(design, simulations=options.simulations, seed=options.seed)
        title = (
            f"{options.patients} patients x {options.variants} variants, {'skewed' if skewed else 'normal'} patient "
            f"effects (SD {PATIENT_SD}), residual SD {RESIDUAL_SD}; {options.simulations} simulations, seed "
            f"{options.seed}, {options.resamples} resamples"
        )
        yield Measured(title, table), ~table["interval"].str.startswith("naive") & (not skewed)


def _of_arms(options: argparse.Namespace) -> Iterator[tuple[Measured, pd.Series]]:
    """Yield each design of patients x arms x variants and which of its rows have to cover."""
    for patients in dict.fromkeys((options.patients, FEW)):
        design = ArmDesign(patients)
        table = measure_arm_errors(design, simulations=options.simulations, seed=options.seed)
        title = (
            f"{patients} patients x {design.arms} arms x {design.variants} variants, patient-by-arm effects (SD "
            f"{PATIENT_ARM_SD}), patient effects (SD {PATIENT_SD}), residual SD {ARM_RESIDUAL_SD}; "
            f"{options.simulations} simulations, seed {options.seed}"
        )
        yield Measured(title, table), table["interval"].str.startswith("clustered") & (patients > FEW)


def measure_coverage(design: Design, *, simulations: int, seed: int) -> pd.DataFrame:
    """Return one row per interval: coverage with its Monte Carlo standard error, mean width, CPU seconds per call."""
    rng = np.random.default_rng(seed)
    truth = _truth(design)
    covered: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for _ in range(simulations):
        values = simulate(design, rng)
        for name, method in METHODS.items():
            start = time.process_time()
            found = method(values, design)
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - start
            for label, (low, high) in found.items():
                wanted = next(value for key, value in truth.items() if key in label)
                covered.setdefault(label, []).append(low <= wanted <= high)
                widths.setdefault(label, []).append(high - low)
    rows = []
    for label, hits in covered.items():
        share = float(np.mean(hits))
        error = float(np.sqrt(share * (1 - share) / simulations))
        cost = seconds[next(name for name in METHODS if label.startswith(name))] / simulations
        rows.append((label, share, error, float(np.mean(widths[label])), cost))
    columns = ["interval", "coverage", "standard_error", "mean_width", "cpu_seconds"]
    return pd.DataFrame(rows, columns=columns)


def simulate(design: Design, rng: np.random.Generator) -> Floats:
    """Return values (patients, variants): mean, patient effect, fixed kernel effect and residual."""
    if design.skewed:  # as Dice scores: most patients near the best, a tail of bad ones
        patient = PATIENT_SD * (1 - rng.exponential(size=(design.patients, 1)))
    else:
        patient = rng.normal(0, PATIENT_SD, (design.patients, 1))
    residual = rng.normal(0, RESIDUAL_SD, (design.patients, design.variants))
    return np.asarray(MEAN + patient + _kernel_effects(design) + residual)


def _kernel_effects(design: Design) -> Floats:
    return np.asarray(KERNEL_STEP * (np.arange(design.variants) - (design.variants - 1) / 2))


def _truth(design: Design) -> Mapping[str, float]:
    return {"dataset": 0.0, "kernel": float(_kernel_effects(design)[0]), "": MEAN}


def _naive(values: Floats, design: Design) -> dict[str, Limits]:
    interval = mean_interval(values.ravel())
    return {"naive t, rows as independent": (interval.low, interval.high)}


def _patient_means(values: Floats, design: Design) -> dict[str, Limits]:
    interval = mean_interval(values.mean(axis=1))
    return {"t of patient means": (interval.low, interval.high)}


def _bootstrap(method: str) -> Callable[[Floats, Design], dict[str, Limits]]:
    def intervals(values: Floats, design: Design) -> dict[str, Limits]:
        patients = np.repeat(np.arange(design.patients), design.variants)
        interval = cluster_bootstrap(
            values.ravel(), patients, method=method, resamples=design.resamples  # type: ignore[arg-type]
        )  # fmt: skip
        return {f"cluster bootstrap, {method}": (interval.low, interval.high)}

    return intervals


def _mixed(values: Floats, design: Design) -> dict[str, Limits]:
    """Return the intervals of the mean over kernels, of a within-patient and of a between-patient effect."""
    n, k = design.patients, design.variants
    frame = pd.DataFrame({
        "value": values.ravel(), "patient": np.repeat(np.arange(n), k), "kernel": np.tile(np.arange(k), n),
        "dataset": np.repeat(np.arange(n) % 2, k),
    })  # fmt: skip
    table = fit_mixed_model(frame, FORMULA).coefficients.set_index("term")
    terms = {"mean": "Intercept", "kernel effect": "C(kernel, Sum)[S.0]", "dataset effect": "C(dataset, Sum)[S.0]"}
    return {
        f"mixed model, {label}": (float(table["low"][term]), float(table["high"][term]))
        for label, term in terms.items()
    }


METHODS: Mapping[str, Callable[[Floats, Design], dict[str, Limits]]] = {
    "naive": _naive,
    "t of patient means": _patient_means,
    "cluster bootstrap, percentile": _bootstrap("percentile"),
    "cluster bootstrap, bca": _bootstrap("bca"),
    "cluster bootstrap, t": _bootstrap("t"),
    "mixed model": _mixed,
}
