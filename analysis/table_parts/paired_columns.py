"""Original and standardised values side by side with the paired t test (Lee et al. 2023, Tables 2 and 3)."""

from collections.abc import Sequence
from typing import Any

from analysis.statistics.p_values import format_p
from analysis.statistics.paired_t import paired_t
from analysis.statistics.summary import format_mean_sd, summarise
from analysis.table_parts.standardised_pairs import Pairs

PAIRED_T = "Mean ± sample standard deviation over patients with both values; two-sided paired t test, not corrected."


def compare_pairs(pairs: Pairs, *, metric: str, factor: float = 1) -> dict[str, Any]:
    """Return the two means and SDs, times ``factor``, and the paired t test of original against standardised."""
    both = pairs.complete() * factor
    original, standardised = summarise(both["original"]), summarise(both["standardised"])
    test = paired_t(both["original"].to_numpy(), both["standardised"].to_numpy())
    return {
        "trainer": pairs.model.trainer, "arm": pairs.model.recipe, "protocol": pairs.protocol.name,
        "label": pairs.protocol.label or pairs.protocol.name, "metric": metric, "n": len(both),
        "left_out": pairs.left_out(), "original_mean": original.mean, "original_sd": original.sd,
        "standardised_mean": standardised.mean, "standardised_sd": standardised.sd, "test": test.name,
        "statistic": test.statistic, "df": test.df, "p": test.p, "reason": test.reason,
    }  # fmt: skip


def printed_pairs(rows: Sequence[dict[str, Any]], *, decimals: int) -> list[list[str]]:
    """Return ``90.79 ± 5.57``, ``96.74 ± 2.43`` and ``< 0.001`` for each row."""
    return [
        [
            format_mean_sd(row["original_mean"], row["original_sd"], decimals),
            format_mean_sd(row["standardised_mean"], row["standardised_sd"], decimals),
            format_p(row["p"]),
        ]
        for row in rows
    ]


def undefined_tests(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Name the tests that are not defined, with the reason."""
    return [f"{row['label']}, {row['metric']}: P not defined: {row['reason']}." for row in rows if row["reason"]]
