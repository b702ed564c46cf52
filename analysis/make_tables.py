"""Scores to tables: ``python -m analysis.make_tables RUN [--only NAME]``.

Every file in ``analysis/tables`` gives one table, written to ``RUN/tables`` as CSV (full precision), Markdown, LaTeX
and HTML.
"""

import hashlib
import json
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pandas as pd

from analysis.command_line import make_from_run
from analysis.discovery import find_modules
from analysis.errors import AnalysisError
from analysis.formats.html import to_html
from analysis.formats.latex import to_latex
from analysis.formats.markdown import to_markdown
from analysis.run_folder import read_scores
from analysis.table import TableResult
from benchmarks.study import Study
from benchmarks.study_file import load_study
from dataset_converters.atomic import replacing, write_text

ATTRIBUTES = ("NAME", "TITLE", "make")


def find_tables() -> dict[str, ModuleType]:
    """Return every table file by the table's name."""
    return {module.NAME: module for module in find_modules("analysis.tables", attributes=ATTRIBUTES).values()}


def write_table(
    module: ModuleType, scores: pd.DataFrame, study: Study, *, folder: Path, footer: str, notes: tuple[str, ...] = ()
) -> TableResult:
    """Make one table, add the run's notes to its own, and write its four files."""
    table: TableResult = module.make(scores, study)
    table = replace(table, notes=(*table.notes, *notes))
    stem = folder / module.NAME
    with replacing(stem.with_suffix(".csv")) as path:
        table.frame.to_csv(path, index=False, lineterminator="\n")
    write_text(stem.with_suffix(".md"), to_markdown(module.TITLE, table))
    write_text(stem.with_suffix(".tex"), f"% {footer}\n" + to_latex(module.TITLE, table))
    write_text(stem.with_suffix(".html"), to_html(module.TITLE, table, footer=footer))
    return table


def provenance_line(root: Path, study: Study) -> str:
    """Return what the outputs were made from: version, study and the hash of the scores."""
    digest = hashlib.sha256((root / "scores.parquet").read_bytes()).hexdigest()
    return f"CTShift {metadata.version('ctshift')}, study {study.name}, scores.parquet sha256 {digest[:16]}"


def budget_note(root: Path, study: Study) -> str:
    """Return one sentence on what every arm was trained with in this run."""
    settings = root / "run.json"
    if not settings.is_file():
        return "Training budget not recorded in this run."
    device = json.loads(settings.read_text(encoding="utf-8"))["device"]
    budget = study.budgets[device]
    return (
        f"Every arm: {budget.iterations} iterations of {budget.batch_size} patches of "
        f"{budget.patch_size[0]} x {budget.patch_size[1]} at {budget.spacing_mm[0]:g} x {budget.spacing_mm[1]:g} mm, "
        f"{budget.width} channels in the first block, learning rate {budget.learning_rate:g}, augmentation "
        f"{budget.augmentation}, on {device}."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    return make_from_run(arguments, _make, program="analysis.make_tables", description=__doc__)


def _make(root: Path, only: str | None) -> None:
    from rich.console import Console

    from analysis.formats.console import print_table

    tables = find_tables()
    if only is not None and only not in tables:
        raise AnalysisError(f"table {only!r} not found; the choices are: {', '.join(tables)}")
    scores, study = read_scores(root), load_study(root / "study.toml")
    footer, notes = provenance_line(root, study), (budget_note(root, study),)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    known: set[str] = set()
    for name, module in tables.items():
        if only in (None, name):
            table = write_table(module, scores, study, folder=root / "tables", footer=footer, notes=notes)
            if len(table.frame):
                print_table(module.TITLE, table, console=console, known=known)
                known |= set(table.notes)
    console.print(f"Tables: {root / 'tables'}")


if __name__ == "__main__":
    sys.exit(main())
