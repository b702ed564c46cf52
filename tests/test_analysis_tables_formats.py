"""Every output format of a table: header levels, row groups, bold cells, escaping; the list of tables."""

import importlib.util
import re
from html.parser import HTMLParser
from io import BytesIO, StringIO

import pandas as pd
import pytest
from rich.console import Console

from analysis.formats.console import print_table
from analysis.formats.docx import to_docx
from analysis.formats.html import to_html
from analysis.formats.latex import escape_latex, to_latex
from analysis.formats.markdown import to_markdown
from analysis.table import INDENT, Section, TableResult
from analysis.table_index import Outcome, index_html, index_markdown

COLUMNS = pd.MultiIndex.from_tuples(
    [("DSC", "Public", "LTRC"), ("DSC", "Public", "VESS"), ("DSC", "Routine", "RRT"), ("HD95", "", "All")]
)
INDEX = pd.MultiIndex.from_tuples([("U-net", "A"), ("U-net", "B"), ("DRN", "A")], names=["Architecture", "Set"])
SECTION = Section(
    "Block",
    pd.DataFrame([["0.99", "0.98", "0.9", "3.1"], ["1", "2", "3", "4"], ["5", "6", "7", "8"]], INDEX, COLUMNS),
    bold=frozenset({(0, 0), (2, 3)}),
)
TABLE = TableResult(SECTION.frame, ("a note",), (SECTION,))


class Cells(HTMLParser):
    """Collect the tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_section_names_its_levels() -> None:
    assert SECTION.row_headers() == ("Architecture", "Set")
    assert SECTION.spans() == [[("DSC", 3), ("HD95", 1)], [("Public", 2), ("Routine", 1), ("", 1)]]
    assert SECTION.row_spans() == [(2, 1), (0, 1), (1, 1)]
    assert [row[:2] for row in SECTION.rows()] == [("U-net", "A"), ("", "B"), ("DRN", "A")]


def test_equal_headers_below_different_ones_are_not_merged() -> None:
    columns = pd.MultiIndex.from_tuples([("x", "n", "1"), ("y", "n", "1")])
    section = Section("", pd.DataFrame([["a", "b"]], index=["r"], columns=columns))
    assert section.spans()[1] == [("n", 1), ("n", 1)]
    assert section.row_headers() == ("",)


def test_rows_with_equal_names_stay_rows() -> None:
    section = Section("", pd.DataFrame([["a"], ["b"]], index=["same", "same"], columns=["c"]))
    assert section.rows() == [("same", "a"), ("same", "b")]


def test_latex_has_levels_groups_and_bold() -> None:
    text = to_latex("t", TABLE)
    assert r" &  & \multicolumn{3}{c}{DSC} & \multicolumn{1}{c}{HD95} \\" in text
    assert r"\cmidrule(lr){3-4} \cmidrule(lr){5-5}" in text
    assert r"U-net & A & \textbf{0.99} & 0.98" in text
    assert text.count(r"\addlinespace") == 1
    assert text.count("{") == text.count("}")
    bodies = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {line.count("&") for line in bodies} == {5}


def test_latex_is_escaped_and_balanced() -> None:
    assert escape_latex(r"a_b% & {x} [1] \ < 0.001") == (r"a\_b\% \& \{x\} {[}1{]} \textbackslash{} \textless{} 0.001")
    assert escape_latex("ρ −1 ± 2 †" + INDENT) == r"$\rho$ $-$1 $\pm$ 2 \dag{}\quad{}"


def test_html_rows_and_columns_add_up() -> None:
    text = to_html("t", TABLE)
    assert text.count("<strong>") == 2
    tags = Cells(text).found
    widths, carried = [], 0
    for tag, attributes in tags:
        if tag == "tr":
            widths.append(carried)
            carried = 0
        if tag in ("td", "th"):
            widths[-1] += int(attributes.get("colspan") or 1)
            carried += int(attributes.get("rowspan") or 1) - 1
    assert widths == [6] * 6


def test_markdown_has_levels_and_bold() -> None:
    text = to_markdown("A_title", TABLE)
    assert "| Architecture | Set | DSC: Public: LTRC |" in text
    assert "| U-net | A | **0.99** | 0.98 |" in text
    assert "HD95: All |" in text
    pipes = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert set(pipes) == {7}


def test_markdown_and_html_escape() -> None:
    table = TableResult(pd.DataFrame({"name": ["a|b", "*c_d*"], "value": ["< 0.001", "x"]}), ("<b>",))
    assert r"a\|b" in to_markdown("t", table)
    assert r"\*c\_d\*" in to_markdown("t", table)
    assert "&lt; 0.001" in to_html("t", table)
    assert "<b>" not in to_html("t", table)


def test_console_prints_bold() -> None:
    stream = StringIO()
    print_table("t", TABLE, console=Console(file=stream, width=100, force_terminal=True, color_system="standard"))
    assert re.search(r"\x1b\[1m0\.99", stream.getvalue())


@pytest.mark.skipif(importlib.util.find_spec("docx") is None, reason="python-docx is not installed")
def test_docx_has_the_same_cells() -> None:
    import docx

    document = docx.Document(BytesIO(to_docx("Title", TABLE, footer="made by")))
    grid = document.tables[0]
    assert [cell.text for cell in grid.rows[0].cells] == ["", "", "DSC", "DSC", "DSC", "HD95"]
    assert [cell.text for cell in grid.rows[2].cells] == ["Architecture", "Set", "LTRC", "VESS", "RRT", "All"]
    assert [cell.text for cell in grid.rows[3].cells] == ["U-net", "A", "0.99", "0.98", "0.9", "3.1"]
    bold = [run.bold for cell in grid.rows[3].cells for run in cell.paragraphs[0].runs]
    assert bold == [False, False, True, False, False, False]
    assert document.paragraphs[0].text == "Title"
    assert "a note" in [paragraph.text for paragraph in document.paragraphs]


def test_index_lists_made_and_not_made() -> None:
    outcomes = [
        Outcome("made", "A <table>", ("made.html", "made.csv")),
        Outcome("skipped", "B", reason="needs pools"),
        Outcome("broken", "C", reason="KeyError: 'x'", failed=True),
    ]
    markdown, html = index_markdown(outcomes, footer="foot"), index_html(outcomes, footer="foot")
    assert "[A <table>](made.html): [html](made.html), [csv](made.csv)" in markdown
    assert "- skipped: needs pools" in markdown
    assert "- broken: failed: KeyError" in markdown
    assert 'href="made.csv"' in html
    assert "A &lt;table&gt;" in html
    assert "needs pools" in html
    assert [entry.line().split()[0] for entry in outcomes] == ["made", "skipped", "broken"]
