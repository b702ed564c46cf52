"""Table 2 of Lee et al. 2023: Dice score on original and standardised images."""

from typing import Any

import pandas as pd

from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.metric_notes import count_note, definition_note
from analysis.table_parts.paired_columns import PAIRED_T, compare_pairs, printed_pairs, undefined_tests
from analysis.table_parts.standardised_pairs import (
    REFERENCE_NOTE,
    Pairs,
    exclusion_note,
    own_rows,
    per_model,
    standardised_pairs,
)

NAME = "standardisation_table2"
TITLE = "Table 2. Dice similarity coefficients of original and standardised images in various protocols"
METRIC = "DSC"
HEADS = ("Original", "Standardized", "P")


def make(results: Results) -> TableResult:
    """Return Table 2: a block per model, a row per protocol, mean ± SD in percent and paired t test.

    Raises
    ------
    NotApplicableError
        If the study has no protocols or the run no scores against the own prediction.
    """
    pairs = standardised_pairs(results, metric=METRIC)
    rows: list[dict[str, Any]] = []
    sections = []
    for title, of_model in per_model(pairs):
        found = [compare_pairs(entry, metric=METRIC, factor=100) for entry in of_model]
        rows += found
        text = printed_pairs(found, decimals=2)
        columns = pd.MultiIndex.from_product([["DSC (%)"], HEADS])
        index = pd.Index([row["label"] for row in found], name="Protocol")
        sections.append(Section(title, pd.DataFrame(text, index=index, columns=columns)))
    notes = (
        REFERENCE_NOTE.format(variant=results.study.scoring.own_variant), PAIRED_T, definition_note(results, METRIC),
        _count(results, pairs), *exclusion_note(pairs, what=METRIC),
        *undefined_tests(rows),
    )  # fmt: skip
    return TableResult(pd.DataFrame(rows), notes, tuple(sections))


def _count(results: Results, pairs: list[Pairs]) -> str:
    """Say how many scores the means are over and how many of these were missed, each score once."""
    rows = own_rows(results, metric=METRIC, structure=results.study.tables.standardisation.structure)
    variants = {name for pair in pairs for name in (pair.protocol.original, pair.protocol.standardised)}
    trainers, recipes = {pair.model.trainer for pair in pairs}, {pair.model.recipe for pair in pairs}
    used = rows[rows["variant"].isin(variants) & rows["trainer"].isin(trainers) & rows["recipe"].isin(recipes)]
    return count_note(used.assign(value=used["counted"]), METRIC, what="scores (models x images)")
