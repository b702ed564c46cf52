"""Measured coverage as text on screen and as a document."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from dataset_converters.atomic import replacing

PACKAGES = ("numpy", "scipy", "pandas", "statsmodels")
TITLE = "# Coverage of 95% intervals, patients having several values each"
HIDDEN = ("cpu_seconds",)
"""Printed, but left out of the document: another machine's are others."""
READING = (
    "Coverage: share of simulated studies whose interval holds the truth; nominal 0.95, `standard_error` is that of "
    "the share. `type_1_error`: share in which a term without effect is significant at 0.05. Model errors are those "
    "of a model with a random intercept per patient only; clustered errors, CR2 by patient with Satterthwaite's "
    "degrees of freedom, are what the tables show."
)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was simulated, in words, and one row per interval."""

    title: str
    table: pd.DataFrame


def print_coverage(measured: Measured) -> None:
    """Print one design."""
    print(f"\n{measured.title}\n")
    print(measured.table.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))


def write_coverage(measured: Sequence[Measured], path: Path, *, command: str, verdict: str) -> None:
    """Write all designs as a Markdown document."""
    used = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        TITLE, "",
        f"Measured with `{command}`: Python {platform.python_version()}, {used}. {READING}", "",
    ]  # fmt: skip
    for one in measured:
        lines += [f"## {one.title}", "", *_markdown(one.table.drop(columns=list(HIDDEN), errors="ignore")), ""]
    with replacing(path) as temporary:
        temporary.write_text("\n".join([*lines, verdict, ""]), encoding="utf-8")


def _markdown(frame: pd.DataFrame) -> list[str]:
    rows = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "-" if value != value else f"{value:.4f}"
