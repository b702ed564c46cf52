"""A table as LaTeX: ``booktabs`` rules, wide sections shrunk to the text width, notes below."""

from analysis.table import Section, TableResult

PREAMBLE = "% Needs \\usepackage[T1]{fontenc}, [utf8]{inputenc}, {booktabs} and {graphicx}.\n"
SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "×": r"$\times$",
    "<": r"\textless{}", ">": r"\textgreater{}", "[": "{[}", "]": "{]}", "±": r"$\pm$", "ρ": r"$\rho$", "≥": r"$\geq$",
    "≤": r"$\leq$", "†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}", "¶": r"\P{}", "\u2003": r"\quad{}",
}  # fmt: skip


def to_latex(title: str, table: TableResult) -> str:
    """Return one ``table`` environment with a ``tabular`` per section."""
    lines = [PREAMBLE + r"\begin{table}[htbp]", r"\centering", rf"\caption{{{escape_latex(title)}}}"]
    for section in table.printed():
        lines += _section(section)
    lines += [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
    lines += [rf"{escape_latex(note)}\par" for note in table.notes]
    return "\n".join([*lines, r"\end{minipage}", r"\end{table}"]) + "\n"


def escape_latex(text: str) -> str:
    """Return text with every special character escaped, brackets included: after ``\\\\`` they would be an option."""
    return "".join(SPECIAL.get(character, character) for character in str(text))


def _section(section: Section) -> list[str]:
    width = len(section.row_headers()) + len(section.heads())
    return [
        *([rf"\par\medskip\textit{{{escape_latex(section.title)}}}\par\smallskip"] if section.title else []),
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{'l' * width}}}",
        r"\toprule",
        *_head(section),
        r"\midrule",
        *_body(section),
        r"\bottomrule",
        r"\end{tabular}}",
    ]


def _head(section: Section) -> list[str]:
    names = section.row_headers()
    lines = []
    for level in section.spans():
        upper, rules, start = [""] * len(names), [], len(names) + 1
        for name, width in level:
            upper.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(name)}}}")
            rules += [rf"\cmidrule(lr){{{start}-{start + width - 1}}}"] if name else []
            start += width
        lines += [" & ".join(upper) + r" \\", " ".join(rules)]
    return [*lines, _row((*names, *(head[-1] for head in section.heads())))]


def _body(section: Section) -> list[str]:
    """Return the rows; a little space goes before each group of rows under one outer name."""
    names = len(section.row_headers())
    lines = []
    for index, (row, sizes) in enumerate(zip(section.rows(), section.row_spans(), strict=True)):
        if index and names > 1 and sizes[0]:
            lines.append(r"\addlinespace")
        bold = {place + names for place in range(len(row) - names) if (index, place) in section.bold}
        lines.append(_row(row, bold=frozenset(bold)))
    return lines


def _row(cells: tuple[str, ...], *, bold: frozenset[int] = frozenset()) -> str:
    text = [escape_latex(cell) for cell in cells]
    return " & ".join(rf"\textbf{{{cell}}}" if place in bold else cell for place, cell in enumerate(text)) + r" \\"
