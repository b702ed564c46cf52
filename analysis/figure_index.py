"""The page of a run's figures: every picture with its caption and files, and why the others were not made."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from analysis.formats.html import page

TITLE = "Figures"
SUFFIXES = ("pdf", "svg", "png", "csv", "txt")
DOWNLOADS = {"pdf": "PDF", "svg": "SVG", "png": "PNG", "csv": "CSV of what it shows"}
SCREEN_PER_PAPER = 1.35
STYLE = """
<style>
figure { margin: 1rem 0 2.2rem; break-inside: avoid; }
figure img { display: block; max-width: 100%; height: auto; background: #fff;
  border: 1px solid var(--faint); padding: .5rem; box-sizing: border-box; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 62rem; margin-top: .5rem; }
figcaption a, nav a { margin-right: .7rem; }
nav { columns: 3 16rem; font-size: .9rem; }
nav a { display: block; }
</style>
""".strip()


@dataclass(frozen=True)
class Drawn:
    """A figure that was written: the name of its files, its caption and its width on paper."""

    name: str
    caption: str
    width_mm: float


@dataclass(frozen=True)
class FigureOutcome:
    """What became of one figure file: the figures it drew, or the ``reason`` it drew none.

    ``left_out`` names those of its figures that show nothing and were not drawn, each with the reason.
    """

    name: str
    title: str
    drawn: tuple[Drawn, ...] = ()
    reason: str = ""
    failed: bool = False
    left_out: tuple[tuple[str, str], ...] = ()

    def why(self) -> str:
        """Return the reason in words that tell a failure from what the study does not have."""
        return f"failed: {self.reason}" if self.failed else self.reason


def figure_index(outcomes: Sequence[FigureOutcome], *, footer: str = "") -> str:
    """Return the page; it links to the files beside it and loads nothing else."""
    made = [entry for entry in outcomes if entry.drawn]
    left = [(entry.name, entry.why()) for entry in outcomes if not entry.drawn]
    left += [pair for entry in outcomes for pair in entry.left_out]
    links = "\n".join(f'<a href="#{escape(entry.name)}">{escape(entry.title)}</a>' for entry in made)
    body = "\n".join([STYLE, f"<nav>\n{links}\n</nav>", *map(_section, made), _not_made(left)])
    return page(TITLE, body, footer=footer)


def _section(entry: FigureOutcome) -> str:
    figures = "\n".join(map(_figure, entry.drawn))
    return f'<h2 id="{escape(entry.name)}">{escape(entry.title)}</h2>\n{figures}'


def _figure(drawn: Drawn) -> str:
    name = escape(drawn.name)
    first = escape(drawn.caption.split(". ")[0])
    width = f"width: {drawn.width_mm * SCREEN_PER_PAPER:.0f}mm"
    links = " ".join(f'<a href="{name}.{suffix}" download>{words}</a>' for suffix, words in DOWNLOADS.items())
    image = f'<img src="{name}.png" alt="{first}" style="{width}" loading="lazy">'
    return (
        f'<figure id="figure-{name}">\n<a href="{name}.pdf">{image}</a>\n'
        f"<figcaption>{escape(drawn.caption)}<br>{links}</figcaption>\n</figure>"
    )


def _not_made(left: Sequence[tuple[str, str]]) -> str:
    if not left:
        return ""
    rows = "\n".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(reason)}</td></tr>' for name, reason in left)
    head = '<thead><tr><th scope="col">Name</th><th scope="col">Why</th></tr></thead>'
    return f"<h2>Not made</h2>\n<table>{head}<tbody>\n{rows}\n</tbody></table>"
