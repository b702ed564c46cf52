"""A table as LaTeX: ``booktabs`` rules, wide sections shrunk to the text width, notes below."""

from analysis.table import Section, TableResult

PREAMBLE = "% Needs \\usepackage[T1]{fontenc}, [utf8]{inputenc}, {booktabs} and {graphicx}.\n"
SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "×": r"$\times$",
    "<": r"\textless{}", ">": r"\textgreater{}", "[": "{[}", "]": "{]}",
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
    return [
        *([rf"\par\medskip\textit{{{escape_latex(section.title)}}}\par\smallskip"] if section.title else []),
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{'l' * (len(section.heads()) + 1)}}}",
        r"\toprule",
        *_head(section),
        r"\midrule",
        *(_row(row) for row in section.rows()),
        r"\bottomrule",
        r"\end{tabular}}",
    ]


def _head(section: Section) -> list[str]:
    lower = _row((section.row_header(), *(head[-1] for head in section.heads())))
    upper, rules, start = [""], [], 2
    for name, width in section.spans():
        upper.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(name)}}}")
        rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [" & ".join(upper) + r" \\", " ".join(rules), lower] if rules else [lower]


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"
