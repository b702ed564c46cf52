"""The list of a run's tables: which were made, in which files, and why the others were not."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from analysis.formats.html import page

TITLE = "Tables"
SUFFIXES = ("html", "md", "tex", "docx", "csv")


@dataclass(frozen=True)
class Outcome:
    """What became of one table: ``files`` it was written to, or the ``reason`` it was not made."""

    name: str
    title: str
    files: tuple[str, ...] = ()
    reason: str = ""
    failed: bool = False

    def line(self) -> str:
        """Return one line for the terminal."""
        if self.files:
            return f"{self.name:<26} {self.title}"
        return f"{self.name:<26} {'failed' if self.failed else 'not made'}: {self.reason}"


def index_markdown(outcomes: Sequence[Outcome], *, footer: str) -> str:
    """Return the list as Markdown."""
    made = [f"- [{entry.title}]({entry.files[0]}): {_links(entry)}" for entry in outcomes if entry.files]
    left = [f"- {entry.name}: {_why(entry)}" for entry in outcomes if not entry.files]
    parts = [f"# {TITLE}", *made]
    return "\n".join([*parts, *(["", "Not made:", "", *left] if left else []), "", footer, ""])


def index_html(outcomes: Sequence[Outcome], *, footer: str) -> str:
    """Return the list as one page that links to the tables."""
    made = "\n".join(_made(entry) for entry in outcomes if entry.files)
    left = "\n".join(
        f'<tr><th scope="row">{escape(entry.name)}</th><td>{escape(_why(entry))}</td></tr>'
        for entry in outcomes
        if not entry.files
    )
    head = '<thead><tr><th scope="col">Name</th><th scope="col">{}</th>{}</tr></thead>'
    body = f"<table>{head.format('Table', '<th scope=col>Files</th>')}<tbody>\n{made}\n</tbody></table>"
    if left:
        body += f"\n<h2>Not made</h2>\n<table>{head.format('Why', '')}<tbody>\n{left}\n</tbody></table>"
    return page(TITLE, body, footer=footer)


def _made(entry: Outcome) -> str:
    links = " ".join(f'<a href="{escape(name)}">{escape(name.rsplit(".", 1)[-1])}</a>' for name in entry.files)
    link = f'<a href="{escape(entry.files[0])}">{escape(entry.title)}</a>'
    return f'<tr><th scope="row">{escape(entry.name)}</th><td>{link}</td><td>{links}</td></tr>'


def _links(entry: Outcome) -> str:
    return ", ".join(f"[{name.rsplit('.', 1)[-1]}]({name})" for name in entry.files)


def _why(entry: Outcome) -> str:
    return f"failed: {entry.reason}" if entry.failed else entry.reason
