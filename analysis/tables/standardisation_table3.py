"""Table 3 of Lee et al. 2023: absolute volume difference on original and standardised images."""

from typing import Any

import pandas as pd

from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.paired_columns import PAIRED_T, compare_pairs, printed_pairs, undefined_tests
from analysis.table_parts.standardised_pairs import REFERENCE_NOTE, exclusion_note, per_model, standardised_pairs

NAME = "standardisation_table3"
TITLE = "Table 3. Volume difference of original and standardised images in various protocols"
METRICS = {
    "absolute_volume_difference": "Absolute {structure} volume difference (mL)",
    "absolute_relative_volume_difference": "Difference ratio of {structure} volume (%)",
}
HEADS = ("Original vs. GT", "Standardized vs. GT", "P")
SIGN = (
    "Both columns are absolute values, also the ratio 100 × |segmented − reference| / reference. The Bland-Altman "
    "figures show the signed ratio 100 × (segmented − reference) / reference. GT: the reference named above."
)


def make(results: Results) -> TableResult:
    """Return Table 3: a block per model, a row per protocol, mean ± SD of ml and percent with paired t tests.

    Raises
    ------
    NotApplicableError
        If the study has no protocols or the run no scores of both metrics against the own prediction.
    """
    by_metric = {metric: standardised_pairs(results, metric=metric) for metric in METRICS}
    structure = results.study.tables.standardisation.structure
    heads = [(words.format(structure=structure), head) for words in METRICS.values() for head in HEADS]
    rows: list[dict[str, Any]] = []
    sections = []
    blocks = [list(per_model(pairs)) for pairs in by_metric.values()]
    for parts in zip(*blocks, strict=True):
        found = [
            [compare_pairs(entry, metric=metric) for entry in pairs]
            for metric, (_, pairs) in zip(METRICS, parts, strict=True)
        ]
        rows += [row for group in found for row in group]
        halves = [printed_pairs(group, decimals=1) for group in found]
        text = [left + right for left, right in zip(*halves, strict=True)]
        index = pd.Index([row["label"] for row in found[0]], name="Protocol")
        frame = pd.DataFrame(text, index=index, columns=pd.MultiIndex.from_tuples(heads))
        sections.append(Section(parts[0][0], frame))
    left_out = [note for metric, pairs in by_metric.items() for note in exclusion_note(pairs, what=metric)]
    notes = (
        REFERENCE_NOTE.format(variant=results.study.scoring.own_variant), SIGN, PAIRED_T,
        *(definition_note(results, metric) for metric in METRICS), *left_out, *undefined_tests(rows),
    )  # fmt: skip
    return TableResult(pd.DataFrame(rows), notes, tuple(sections))
