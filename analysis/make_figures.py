"""Scores and images to figures: ``python -m analysis.make_figures RUN [--only NAME]``.

Every file in ``analysis/figures`` gives its figures, written to ``RUN/figures`` as PDF, SVG and PNG with a CSV of what
they show and their caption.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.command_line import make_from_run
from analysis.discovery import find_modules
from analysis.errors import AnalysisError
from analysis.figure import FigureResult
from analysis.run_folder import open_run, read_scores
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


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    return make_from_run(arguments, _make, program="analysis.make_figures", description=__doc__)


def _save(result: FigureResult, path: Path) -> None:
    result.figure.savefig(path, dpi=DOTS_PER_INCH, metadata=UNDATED[path.suffix])


def _make(root: Path, only: str | None) -> None:
    import matplotlib

    from analysis.figure_style import STYLE

    figures = find_figures()
    if only is not None and only not in figures:
        raise AnalysisError(f"figure {only!r} not found; the choices are: {', '.join(figures)}")
    run, scores = open_run(root), read_scores(root)
    for name, module in figures.items():
        if only not in (None, name):
            continue
        with matplotlib.rc_context(STYLE):
            results = module.make(scores, run.study, run)
            for result in results:
                write_figure(result, root / "figures")
                print(root / "figures" / f"{result.name}.png")
        if not results:
            print(f"{name}: nothing to show, no patient has a value")


if __name__ == "__main__":
    sys.exit(main())
