"""Scores and images to figures: ``python -m analysis.make_figures [RUN] [--only NAME]``.

Every file in ``analysis/figures`` gives its figures, written to ``RUN/figures`` as PDF, SVG and PNG with a CSV of what
they show and their caption. ``index.html`` shows them all and says why others were not made: a figure asks for what the
study does not have, or failed, which does not keep the others from being made.
"""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.command_line import make_from_run
from analysis.discovery import find_modules
from analysis.emulated_marks import emulated_notes
from analysis.errors import AnalysisError, NotApplicableError
from analysis.figure import FigureResult
from analysis.figure_index import SUFFIXES, Drawn, FigureOutcome, figure_index
from analysis.figure_style import MM_PER_INCH, STYLE
from analysis.results import Results, read_results
from dataset_converters.atomic import replacing, write_text

ATTRIBUTES = ("NAME", "TITLE", "make")
DOTS_PER_INCH = 300
UNDATED: dict[str, dict[str, Any]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}
"""Without a date, the same scores give the same bytes."""


def find_figures() -> dict[str, ModuleType]:
    """Return every figure file by the figure's name."""
    return {module.NAME: module for module in find_modules("analysis.figures", attributes=ATTRIBUTES).values()}


def write_figure(result: FigureResult, folder: Path) -> None:
    """Write one figure in three formats, with its numbers and caption."""
    for suffix in UNDATED:
        with replacing(folder / f"{result.name}{suffix}", suffix=suffix) as path:
            _save(result, path)
    table = folder / f"{result.name}.csv"
    with replacing(table) as path:
        result.frame.to_csv(path, index=False, lineterminator="\n")
    write_text(folder / f"{result.name}.txt", result.caption + "\n")


def make_figure(
    module: ModuleType, results: Results, folder: Path, *, known: Mapping[str, ModuleType]
) -> FigureOutcome:
    """Draw the figures of one file and write them; those of an earlier run go first.

    Raises
    ------
    NotApplicableError
        If the figure asks for what the study does not have.
    """
    import matplotlib

    _remove_earlier(folder, module.NAME, known=known)
    with matplotlib.rc_context(STYLE):
        notes = emulated_notes(results.study, results.images)
        made: tuple[FigureResult, ...] = module.make(results)
        drawn = tuple(replace(result, caption=" ".join((result.caption, *notes))) for result in made)
        for result in drawn:
            write_figure(result, folder)
            print(folder / f"{result.name}.png")
    left_out = tuple(module.left_out(results).items()) if hasattr(module, "left_out") else ()
    for name, reason in left_out:
        print(f"{name}: not made: {reason}")
    return FigureOutcome(module.NAME, module.TITLE, tuple(map(_described, drawn)), left_out=left_out)


def make_all(results: Results, folder: Path, *, footer: str = "") -> list[FigureOutcome]:
    """Make every figure that this study has, write ``index.html``, and return what became of each."""
    outcomes = []
    known = find_figures()
    for name, module in known.items():
        try:
            outcomes.append(make_figure(module, results, folder, known=known))
        except NotApplicableError as reason:
            print(f"{name}: not made: {reason}")
            outcomes.append(FigureOutcome(name, module.TITLE, reason=str(reason)))
        except Exception as error:  # the other figures do not depend on this one
            traceback.print_exc()
            outcomes.append(FigureOutcome(name, module.TITLE, reason=f"{type(error).__name__}: {error}", failed=True))
    write_text(folder / "index.html", figure_index(outcomes, footer=footer))
    return outcomes


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    return make_from_run(arguments, _make, program="analysis.make_figures", description=__doc__)


def _described(result: FigureResult) -> Drawn:
    return Drawn(result.name, result.caption, result.figure.get_figwidth() * MM_PER_INCH)


def _save(result: FigureResult, path: Path) -> None:
    result.figure.savefig(path, dpi=DOTS_PER_INCH, metadata=UNDATED[path.suffix])


def _make(root: Path, only: str | None) -> None:
    figures = find_figures()
    if only is not None and only not in figures:
        raise AnalysisError(f"figure {only!r} not found; the choices are: {', '.join(figures)}")
    results = read_results(root)
    if only is not None:
        try:
            make_figure(figures[only], results, root / "figures", known=figures)
        except NotApplicableError as reason:
            raise AnalysisError(f"figure {only!r} is not made: {reason}") from None
        return
    outcomes = make_all(results, root / "figures", footer=f"CTShift, study {results.study.name}")
    print(f"Figures: {root / 'figures' / 'index.html'}")
    failed = [entry.name for entry in outcomes if entry.failed]
    if failed:
        raise AnalysisError(
            f"{len(failed)} of {len(outcomes)} figures failed: {', '.join(failed)}; the reasons are above"
        )


def _remove_earlier(folder: Path, name: str, *, known: Mapping[str, ModuleType]) -> None:
    """Remove the files of a figure, which may have had other arms and sheets; not those of one with a longer name."""
    for path in folder.glob(f"{name}*"):
        owners = [other for other in known if path.stem == other or path.stem.startswith(f"{other}_")]
        if path.suffix.removeprefix(".") in SUFFIXES and max(owners, key=len, default="") == name:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
