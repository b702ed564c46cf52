"""Our statistics against R's on random data sets: ``r-oracle [--check | --write]``."""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.concordance import concordance_correlation
from analysis.statistics.correlation import spearman
from analysis.statistics.effects import hodges_lehmann
from analysis.statistics.fisher import NAME as FISHER
from analysis.statistics.fisher import fisher_exact
from analysis.statistics.icc import KINDS, intraclass_correlation
from analysis.statistics.interval import mean_interval
from analysis.statistics.mixed_model import fit_mixed_model
from analysis.statistics.omnibus import friedman, kruskal_wallis
from analysis.statistics.p_values import adjust
from analysis.statistics.paired_t import paired_t
from analysis.statistics.rank_tests import mann_whitney, wilcoxon_signed_rank
from benchmarks.performance.r_oracle_cases import random_cases

Case = dict[str, Any]
"""``kind``, ``data`` and ``expected``, R's answer by quantity."""
COMMITTED = Path(__file__).parents[2] / "tests" / "data" / "r_oracle.json.gz"
PACKAGES = "apt-get install r-base-core r-cran-jsonlite r-cran-lme4 r-cran-epir r-cran-psych"
TOLERANCE = {"mixed_model": 1e-4}
OTHERWISE = 1e-9


def main(arguments: list[str]) -> int:
    """Compare with the committed answers of R, or run R anew; 1 if a difference exceeds its tolerance."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance r-oracle", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="run R anew and compare with ours and the committed answers"
    )
    parser.add_argument("--write", action="store_true", help="run R anew and commit its answers")
    options = parser.parse_args(arguments)
    if (options.check or options.write) and not shutil.which("Rscript"):
        print(f"Rscript not found; on Debian: {PACKAGES}", file=sys.stderr)
        return 2
    version, cases = ask_r(random_cases()) if options.check or options.write else read_committed()
    differences = compare(cases)
    print(f"{version}; {len(cases)} data sets\n\n{summarise_differences(differences).to_string(index=False)}")
    failed = not differences["agrees"].all()
    if options.write:
        write_committed(version, cases)
    elif options.check:
        changed = sum(not _same(new, old) for new, old in zip(cases, read_committed()[1], strict=True))
        print(f"\n{changed} of {len(cases)} data sets whose committed answers differ from R's now")
        failed |= changed > 0
    return int(failed)


def ask_r(cases: list[Case]) -> tuple[str, list[Case]]:
    """Return R's version and the cases with R's answers; ``failed`` is the quantity where R raises an error."""
    with tempfile.TemporaryDirectory() as folder:
        question, answers = Path(folder) / "cases.json", Path(folder) / "answers.csv"
        question.write_text(json.dumps(cases))
        script = Path(__file__).with_suffix(".R")
        command = ["Rscript", str(script), str(question), str(answers)]
        version = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"}
        ).stdout
        table = pd.read_csv(answers, sep="|", float_precision="round_trip", na_values=["NaN", "NA"])
    expected = {index: dict(zip(rows["quantity"], rows["value"], strict=True)) for index, rows in table.groupby("case")}
    return version, [{**case, "expected": expected[index]} for index, case in enumerate(cases)]


def read_committed() -> tuple[str, list[Case]]:
    """Return R's version and the committed cases."""
    content = json.loads(gzip.decompress(COMMITTED.read_bytes()))
    return content["version"], content["cases"]


def write_committed(version: str, cases: list[Case]) -> None:
    """Write cases and answers, the same bytes for the same content."""
    COMMITTED.parent.mkdir(exist_ok=True)
    text = json.dumps({"version": version, "cases": cases}, separators=(",", ":"))
    COMMITTED.write_bytes(gzip.compress(text.encode(), mtime=0))


def compare(cases: Sequence[Case]) -> pd.DataFrame:
    """Return one row per data set and quantity: ours, R's, their relative difference and whether that is allowed.

    What R does not define (NaN, or an error) must not be defined here either.
    """
    rows = []
    for index, case in enumerate(cases):
        kind, expected = case["kind"], case["expected"]
        ours = OURS[kind](case["data"])
        scale = expected.get("residual_sd", 0.0) * 1e-2  # of a coefficient near zero the error counts, not the ratio
        for quantity in ours if "failed" in expected else expected:
            theirs = expected.get(quantity, np.nan)
            difference = _difference(ours[quantity], theirs, least=scale)
            agrees = difference <= TOLERANCE.get(kind, OTHERWISE)
            rows.append((index, kind, _family(kind, quantity), ours[quantity], theirs, difference, agrees))
    columns = ["case", "kind", "quantity", "ours", "r", "difference", "agrees"]
    return pd.DataFrame(rows, columns=columns)


def summarise_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """Return per statistic and quantity the data sets, those R defines, and the largest relative difference."""
    groups = differences.groupby(["kind", "quantity"], sort=False)
    return groups.agg(
        data_sets=("case", "nunique"), defined=("r", "count"), largest_difference=("difference", "max"),
        agrees=("agrees", "all"),
    ).reset_index()  # fmt: skip


def _difference(ours: float, theirs: float, *, least: float) -> float:
    if np.isnan(ours) or np.isnan(theirs):
        return 0.0 if np.isnan(ours) and np.isnan(theirs) else np.inf
    return abs(ours - theirs) / max(abs(theirs), least, 1e-12)


def _family(kind: str, quantity: str) -> str:
    """Return the name under which quantities of a data set are counted together."""
    if kind == "icc":
        return quantity.split()[-1] if " " in quantity else "estimate"
    return quantity.split("_")[0] if kind == "adjust" else quantity.split()[0]


def _same(new: Case, old: Case) -> bool:
    near = [
        _difference(value, old["expected"].get(name, np.nan), least=0.0) < 1e-6
        for name, value in new["expected"].items()
    ]
    return new["data"] == old["data"] and all(near)


def _test(function: Callable[..., Any], *names: str) -> Callable[[Case], Mapping[str, float]]:
    def ours(data: Case) -> Mapping[str, float]:
        result = function(*(data[name] for name in names))
        return {"statistic": result.statistic, "p": result.p}

    return ours


def _interval(function: Callable[..., Any]) -> Callable[[Case], Mapping[str, float]]:
    def ours(data: Case) -> Mapping[str, float]:
        interval = function(data["x"], data["y"])
        return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}

    return ours


def _wilcoxon(data: Case) -> Mapping[str, float]:
    result = wilcoxon_signed_rank(data["x"], data["y"], alternative=data["alternative"].replace(".", "-"))
    return {"statistic": result.statistic, "p": result.p}


def _paired_t(data: Case) -> Mapping[str, float]:
    differences = np.subtract(data["x"], data["y"])
    return {**_test(paired_t, "x", "y")(data), **_interval(lambda x, y: mean_interval(differences))(data)}


def _fisher(data: Case) -> Mapping[str, float]:
    result = fisher_exact(data["rows"])
    return {"p": result.p if result.name == FISHER else np.nan}


def _adjust(data: Case) -> Mapping[str, float]:
    return {
        f"{method}_{index + 1}": float(p)
        for method in ("bonferroni", "holm")
        for index, p in enumerate(adjust(data["p"], method=method, family=data["family"]))
    }


def _spearman(data: Case) -> Mapping[str, float]:
    result = spearman(data["x"], data["y"])
    return {"rho": result.estimate, "p": result.p}


def _icc(data: Case) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for kind in KINDS:
        interval = intraclass_correlation(data["rows"], kind=kind)  # type: ignore[arg-type]
        found |= {kind: interval.estimate, f"{kind} low": interval.low, f"{kind} high": interval.high}
    return found


def _mixed_model(data: Case) -> Mapping[str, float]:
    model = fit_mixed_model(pd.DataFrame(data["columns"]), data["formula"], errors="model")
    names = [_r_name(term) for term in model.coefficients["term"]]
    table = model.coefficients
    return {
        **{f"estimate {name}": value for name, value in zip(names, table["estimate"], strict=True)},
        **{f"error {name}": value for name, value in zip(names, table["standard_error"], strict=True)},
        "patient_sd": model.patient_sd,
        "residual_sd": model.residual_sd,
    }


def _r_name(term: str) -> str:
    """Return R's name of a term: ``armY:kernelB`` for ``arm[T.Y]:kernel[T.B]``."""
    return "(Intercept)" if term == "Intercept" else term.replace("[T.", "").replace("]", "")


OURS: Mapping[str, Callable[[Case], Mapping[str, float]]] = {
    "wilcoxon": _wilcoxon,
    "hodges_lehmann": _interval(hodges_lehmann),
    "mann_whitney": _test(mann_whitney, "x", "y"),
    "kruskal_wallis": _test(kruskal_wallis, "groups"),
    "friedman": _test(friedman, "rows"),
    "fisher": _fisher,
    "paired_t": _paired_t,
    "adjust": _adjust,
    "spearman": _spearman,
    "concordance": _interval(concordance_correlation),
    "icc": _icc,
    "mixed_model": _mixed_model,
}
