"""Table 4 of Lee et al. 2023: concordance of the segmented volume with that of the reference image."""

from typing import Any

import pandas as pd

from analysis.results import Results
from analysis.statistics.concordance import CONCORDANCE_NOTE, concordance_correlation
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.standardised_pairs import REFERENCE_NOTE, Pairs, per_model, standardised_pairs

NAME = "standardisation_table4"
TITLE = "Table 4. Concordance correlation of the volume on original and standardised images with the reference image"
METRICS = ("volume", "reference_volume")
FORMAT = (
    "Agreement over patients of the volume on this image with the volume on the reference image; 95% confidence "
    "interval in parentheses. A patient without one of the volumes is left out: n, of the original and of the "
    "standardised images if these differ."
)
SIDES = {"original": "Original", "standardised": "Standardized"}


def make(results: Results) -> TableResult:
    """Return Table 4: a block per model, a row per protocol, CCC with its interval before and after.

    Raises
    ------
    NotApplicableError
        If the study has no protocols or the run no volumes against the own prediction.
    """
    segmented, reference = (standardised_pairs(results, metric=metric) for metric in METRICS)
    rows: list[dict[str, Any]] = []
    sections = []
    for (title, volumes), (_, references) in zip(per_model(segmented), per_model(reference), strict=True):
        found = [_row(*pair) for pair in zip(volumes, references, strict=True)]
        rows += [cell for row in found for cell in row]
        text = [[*(_printed(cell) for cell in row), _numbers(row)] for row in found]
        index = pd.Index([row[0]["label"] for row in found], name="Protocol")
        sections.append(Section(title, pd.DataFrame(text, index=index, columns=[*SIDES.values(), "n"])))
    undefined = [
        f"{row['label']}, {SIDES[row['image']].lower()}: not defined: {row['reason']}." for row in rows if row["reason"]
    ]
    reference_note = REFERENCE_NOTE.format(variant=results.study.scoring.own_variant)
    notes = (
        reference_note,
        FORMAT,
        CONCORDANCE_NOTE,
        *(definition_note(results, metric) for metric in METRICS),
        *undefined,
    )
    return TableResult(pd.DataFrame(rows), notes, tuple(sections))


def _row(segmented: Pairs, reference: Pairs) -> list[dict[str, Any]]:
    cells = []
    for side in SIDES:
        volumes = pd.DataFrame({"reference": getattr(reference, side), "segmented": getattr(segmented, side)})
        both = volumes.dropna()
        found = concordance_correlation(both["reference"].to_numpy(), both["segmented"].to_numpy())
        cells.append({
            "trainer": segmented.model.trainer, "arm": segmented.model.recipe, "protocol": segmented.protocol.name,
            "label": segmented.protocol.label or segmented.protocol.name, "image": side, "n": found.n,
            "left_out": len(volumes) - len(both), "ccc": found.estimate, "low": found.low, "high": found.high,
            "reason": found.reason,
        })  # fmt: skip
    return cells


def _numbers(row: list[dict[str, Any]]) -> str:
    """Return ``6``, or ``6, 5`` for original and standardised."""
    return ", ".join(dict.fromkeys(str(cell["n"]) for cell in row))


def _printed(cell: dict[str, Any]) -> str:
    """Return ``0.955 (0.923–0.973)``, a negative limit with a minus: ``−0.006 (−0.046–0.035)``."""
    if cell["ccc"] != cell["ccc"]:
        return NO_VALUE
    text = f"{cell['ccc']:.3f} ({cell['low']:.3f}–{cell['high']:.3f})" if cell["low"] == cell["low"] else ""
    return (text or f"{cell['ccc']:.3f} (no interval)").replace("-", "−")
