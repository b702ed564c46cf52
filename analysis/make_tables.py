"""Scores to tables: ``python -m analysis.make_tables [RUN] [--only NAME]``.

Every file in ``analysis/tables`` gives one table, written to ``RUN/tables`` as CSV (full precision), Markdown, LaTeX,
HTML and, with python-docx installed, DOCX. Tables that ask for what the study does not have are listed with the reason
in ``index.html``; one that fails does not keep the others from being made.
"""

import hashlib
import json
import sys
import traceback
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType

from analysis.command_line import make_from_run
from analysis.discovery import find_modules
from analysis.emulated_marks import emulated_notes
from analysis.errors import AnalysisError, NotApplicableError
from analysis.formats.docx import NOT_INSTALLED, docx_installed, to_docx
from analysis.formats.html import to_html
from analysis.formats.latex import to_latex
from analysis.formats.markdown import to_markdown
from analysis.results import Results, read_results
from analysis.table import TableResult
from analysis.table_index import SUFFIXES, Outcome, index_html, index_markdown
from analysis.table_parts.hu_range_notes import hu_range_notes
from benchmarks.study import Study
from dataset_converters.atomic import replacing, write_text

ATTRIBUTES = ("NAME", "TITLE", "make")


def find_tables() -> dict[str, ModuleType]:
    """Return every table file by the table's name."""
    return {module.NAME: module for module in find_modules("analysis.tables", attributes=ATTRIBUTES).values()}


def write_table(
    module: ModuleType, results: Results, *, folder: Path, footer: str, notes: tuple[str, ...] = ()
) -> TableResult:
    """Make one table, add the run's notes to its own, and write its files; those of an earlier one go first.

    Raises
    ------
    NotApplicableError
        If the table asks for what the study does not have.
    """
    _remove(folder, module.NAME)
    table: TableResult = module.make(results)
    made = (*hu_range_notes(results, table), *emulated_notes(results.study, results.images))
    table = replace(table, notes=(*table.notes, *made, *notes))
    stem = folder / module.NAME
    with replacing(stem.with_suffix(".csv")) as path:
        table.frame.to_csv(path, index=False, lineterminator="\n")
    write_text(stem.with_suffix(".md"), to_markdown(module.TITLE, table))
    write_text(stem.with_suffix(".tex"), f"% {footer}\n" + to_latex(module.TITLE, table))
    write_text(stem.with_suffix(".html"), to_html(module.TITLE, table, footer=footer))
    if docx_installed():
        with replacing(stem.with_suffix(".docx")) as path:
            path.write_bytes(to_docx(module.TITLE, table, footer=footer))
    return table


def make_all(results: Results, *, folder: Path, footer: str, notes: tuple[str, ...] = ()) -> list[Outcome]:
    """Make every table that this study has, write ``index.md`` and ``index.html``, and return what became of each."""
    outcomes = []
    for name, module in find_tables().items():
        try:
            write_table(module, results, folder=folder, footer=footer, notes=notes)
        except NotApplicableError as reason:
            outcomes.append(Outcome(name, module.TITLE, reason=str(reason)))
        except Exception as error:  # the other tables do not depend on this one
            traceback.print_exc()
            outcomes.append(Outcome(name, module.TITLE, reason=f"{type(error).__name__}: {error}", failed=True))
        else:
            files = (f"{name}.{suffix}" for suffix in SUFFIXES)
            outcomes.append(Outcome(name, module.TITLE, tuple(file for file in files if (folder / file).is_file())))
    write_text(folder / "index.md", index_markdown(outcomes, footer=footer))
    write_text(folder / "index.html", index_html(outcomes, footer=footer))
    return outcomes


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
    rate = "each trainer's own learning rate"
    if budget.learning_rate is not None:
        rate = f"learning rate {budget.learning_rate:g}"
    return (
        f"Every arm: {budget.iterations} iterations of {budget.batch_size} patches of "
        f"{budget.patch_size[0]} x {budget.patch_size[1]} at {budget.spacing_mm[0]:g} x {budget.spacing_mm[1]:g} mm, "
        f"{budget.width} channels in the first block, {rate}, augmentation "
        f"{budget.augmentation}, on {device}.{_in_3d(study, device)}"
    )


def _in_3d(study: Study, device: str) -> str:
    budget = study.budgets[device].three_d
    if budget is None or all(trainer.configuration == "2d" for trainer in study.trainers):
        return ""
    patch, spacing = (" x ".join(f"{n:g}" for n in size) for size in (budget.patch_size, budget.spacing_mm))
    return f" In 3D: {budget.batch_size} patches of {patch} at {spacing} mm, nnU-Net's own network and learning rate."


def folds_note(results: Results) -> tuple[str, ...]:
    """Say how many patients were tested where a study runs some folds of its cross-validation only."""
    split = results.study.split
    if len(split.chosen_folds) == split.folds:
        return ()
    models = results.scores[~results.scores["trainer"].isin(("reader", "repeat"))]
    tested, known = (len(frame[["dataset", "patient"]].drop_duplicates()) for frame in (models, results.images))
    folds = ", ".join(map(str, split.chosen_folds))
    return (f"Fold {folds} of {split.folds} (counted from 0): {tested} of {known} patients tested.",)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    return make_from_run(arguments, _make, program="analysis.make_tables", description=__doc__)


def _make(root: Path, only: str | None) -> None:
    tables = find_tables()
    if only is not None and only not in tables:
        raise AnalysisError(f"table {only!r} not found; the choices are: {', '.join(tables)}")
    results = read_results(root)
    footer, notes = provenance_line(root, results.study), (budget_note(root, results.study), *folds_note(results))
    if only is not None:
        _make_one(tables[only], results, folder=root / "tables", footer=footer, notes=notes)
        return
    outcomes = make_all(results, folder=root / "tables", footer=footer, notes=notes)
    print("\n".join(entry.line() for entry in outcomes))
    if not docx_installed():
        print(NOT_INSTALLED)
    print(f"Tables: {root / 'tables' / 'index.html'}")
    failed = [entry.name for entry in outcomes if entry.failed]
    if failed:
        raise AnalysisError(
            f"{len(failed)} of {len(outcomes)} tables failed: {', '.join(failed)}; the reasons are above"
        )


def _make_one(module: ModuleType, results: Results, *, folder: Path, footer: str, notes: tuple[str, ...]) -> None:
    from rich.console import Console

    from analysis.formats.console import print_table

    try:
        table = write_table(module, results, folder=folder, footer=footer, notes=notes)
    except NotApplicableError as reason:
        raise AnalysisError(f"table {module.NAME!r} is not made: {reason}") from None
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    print_table(module.TITLE, table, console=console)
    console.print(f"Table: {folder / module.NAME}.html", soft_wrap=True)


def _remove(folder: Path, name: str) -> None:
    for suffix in SUFFIXES:
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
