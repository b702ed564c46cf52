"""Linear mixed model of the Dice score: arm, variant and dataset with interactions fixed, patient random."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, product
from typing import Any

import numpy as np
import pandas as pd

from analysis.aggregate import blocks
from analysis.cross_matrix import distinct_cases
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.statistics.mixed_model import MIXED_MODEL_NOTE, MixedModel, fit_mixed_model
from analysis.statistics.p_values import format_p
from analysis.table import Section, TableResult
from analysis.table_parts.effect_cells import number, with_interval
from analysis.table_parts.metric_notes import count_note
from analysis.table_parts.slice_words import SLICES, by_slices
from benchmarks.study import Study

NAME = "mixed_model"
TITLE = "Linear mixed model of the Dice score, patient as random effect"
METRIC = "DSC"
FACTORS = ("arm", "variant", "dataset")
ROWS = (
    "One value per case and variant of trained arms, readers, seeds and folds averaged. Terms are differences from the "
    "first level, which is named in the intercept. The largest model that the data determine is fitted, interactions "
    "of the arm with variant and dataset where every combination was tested; the formula stands above each block. "
    "Native and emulated images are in models of their own."
)


def make(results: Results) -> TableResult:
    """Return the fixed effects of each trainer, structure and choice of slices, with the SDs between and within.

    Raises
    ------
    NotApplicableError
        If nowhere two arms, variants or datasets are tested.
    """
    study, values = results.study, shared_case_values(results, metric=METRIC)
    rows: list[dict[str, Any]] = []
    sections, used = [], []
    for words, title, cases in _blocks(study, values):
        formula, model = _fit(cases)
        found = _rows(model) or [{"term": "", "reason": model.reason}]
        rows += [words | {"formula": formula, "n": model.n_rows, "patients": model.n_patients} | row for row in found]
        heading = f"{title}: {formula} ({model.n_rows} values of {model.n_patients} patients)"
        sections.append(Section(heading, _printed(found, cases)))
        used.append(cases)
    if not rows:
        raise NotApplicableError("needs two arms, variants or datasets tested on several patients")
    counts = count_note(pd.concat(used), METRIC)
    frame = pd.DataFrame(rows)
    return TableResult(frame, (ROWS, MIXED_MODEL_NOTE, counts, *_reasons(frame)), tuple(sections))


def _blocks(study: Study, values: pd.DataFrame) -> Iterator[tuple[dict[str, str], str, pd.DataFrame]]:
    """Yield what is fitted together, if any factor has two levels."""
    labels = {entry.name: entry.label for entry in study.trainers}
    for trainer, structure, _ in blocks(study):
        of_block = values[values["trainer"].eq(trainer) & values["structure"].eq(structure)]
        kinds = of_block["variant_kind"].drop_duplicates()
        for kind, (slices, cases) in product(kinds, by_slices(study, of_block)):
            cases = _with_levels(study, distinct_cases(cases[cases["variant_kind"].eq(kind)]))
            if any(cases[name].nunique() > 1 for name in FACTORS):
                words = {"trainer": trainer, "structure": structure, "slices": slices, "kind": str(kind)}
                apart = [f"{kind} images"] if len(kinds) > 1 else []
                yield words, ", ".join([labels[trainer], structure, SLICES[slices], *apart]), cases


def _with_levels(study: Study, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the cases with factors whose levels are in the order of the study file, and one id per patient."""
    order = {
        "arm": [arm.recipe for arm in study.arms],
        "variant": [name for entry in study.test_sets for name in entry.variants],
        "dataset": [entry.name for entry in study.datasets],
    }
    cases = cases.assign(arm=cases["recipe"], patient=cases["dataset"] + "/" + cases["patient"])
    for name, levels in order.items():
        found = [level for level in dict.fromkeys(levels) if cases[name].eq(level).any()]
        cases[name] = pd.Categorical(cases[name], categories=found)
    return cases


def _fit(cases: pd.DataFrame) -> tuple[str, MixedModel]:
    """Return the first model that is defined, from the largest on; the largest with its reason if none is."""
    complete = cases[np.isfinite(cases["value"].to_numpy(dtype=np.float64))]
    formulas = list(_formulas([name for name in FACTORS if complete[name].nunique() > 1]))
    if complete.empty or not formulas:
        reason = "no factor has values on two levels"
        return "", MixedModel(len(complete), complete["patient"].nunique(), reason=reason)
    models = ((formula, fit_mixed_model(complete, formula)) for formula in formulas)
    largest = next(models)
    return next((found for found in chain([largest], models) if len(found[1].coefficients)), largest)


def _formulas(factors: list[str]) -> Iterator[str]:
    others = [name for name in factors if name != "arm"]
    if "arm" in factors and others:
        yield "value ~ " + " + ".join(f"arm * {name}" for name in others)
        for name in others if len(others) > 1 else ():
            yield f"value ~ arm * {name} + " + " + ".join(other for other in others if other != name)
    for size in range(len(factors), 0, -1):
        yield "value ~ " + " + ".join(factors[:size])


def _rows(model: MixedModel) -> list[dict[str, Any]]:
    terms: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} | {"reason": model.reason}
        for row in model.coefficients.to_dict("records")
    ]
    spread = {"SD between patients": model.patient_sd, "SD within patients": model.residual_sd}
    return terms + [{"term": name, "estimate": sd, "reason": ""} for name, sd in spread.items()] if terms else []


def _printed(rows: list[dict[str, Any]], cases: pd.DataFrame) -> pd.DataFrame:
    names, text = [], []
    for row in rows:
        names.append(_words(row["term"], cases) or "Not defined")
        if "p" in row:
            interval = with_interval(row["estimate"], row["low"], row["high"])
            text.append(
                [interval, number(row["standard_error"], decimals=4), number(row["df"], decimals=1), format_p(row["p"])]
            )
        else:
            text.append([number(row["estimate"], decimals=4) if "estimate" in row else row["reason"], "", "", ""])
    heads = ["Estimate (95% CI)", "SE", "df", "P"]
    return pd.DataFrame(text, index=pd.Index(names, name="Term"), columns=heads)


def _words(term: str, cases: pd.DataFrame) -> str:
    """Return ``Arm MK (vs. LK) × Variant SK (vs. LK)`` for ``arm[T.MK]:variant[T.SK]``."""
    first = {name: str(cases[name].cat.categories[0]) for name in FACTORS if len(cases[name].cat.categories)}
    if term == "Intercept":
        several = [f"{name} {first[name]}" for name in FACTORS if cases[name].nunique() > 1]
        return f"Intercept ({', '.join(several)})"
    parts = [_level(part, first) for part in re.split(r"(?<=\]):", term)]
    return " × ".join(parts)


def _level(part: str, first: Mapping[str, str]) -> str:
    found = re.fullmatch(r"(\w+)\[T\.(.*)\]", part)
    return f"{found[1].capitalize()} {found[2]} (vs. {first[found[1]]})" if found else part


def _reasons(frame: pd.DataFrame) -> list[str]:
    told = frame[frame["reason"].ne("")].drop_duplicates(["trainer", "structure", "slices", "kind", "reason"])
    return [
        f"{row['trainer']}, {row['structure']}, {SLICES[row['slices']]}: {row['reason']}."
        for row in told.to_dict("records")
    ]
