"""A table as one self-contained HTML page: no scripts, no outside files, light and dark, fit for printing."""

from html import escape

from analysis.table import INDENT, Section, TableResult

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --rule: #8c959f; --faint: #d8dee4; --page: #fff;
  --hover: #f4f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af; --rule: #6e7681; --faint: #30363d;
  --page: #0d1117; --hover: #161b22; } }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.15rem; font-weight: 650; line-height: 1.35; margin: 0 0 1rem; }
h2 { font-size: 1rem; font-weight: 600; margin: 1.5rem 0 .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink);
  font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .42rem .8rem; text-align: left; vertical-align: top; }
thead th { font-weight: 600; }
thead tr:last-child th { border-bottom: 1px solid var(--rule); }
thead th.span { text-align: center; border-bottom: 1px solid var(--faint); }
thead .lower th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 500; }
tbody th.indented { font-weight: 400; }
tbody tr.group + tr.group > *, tbody tr:not(:first-child).group > * { border-top: 1px solid var(--rule); }
strong { font-weight: 700; }
tbody tr + tr > * { border-top: 1px solid var(--faint); }
tbody tr:hover > * { background: var(--hover); }
td.number { white-space: nowrap; }
a { color: inherit; }
ul.notes { color: var(--soft); font-size: .87rem; padding-left: 1.1rem; margin-top: .9rem; }
footer { color: var(--soft); font-size: .8rem; border-top: 1px solid var(--faint); margin-top: 1.2rem;
  padding-top: .5rem; }
@media print { @page { size: A4 landscape; margin: 12mm; } body { margin: 0; max-width: none; padding: 0;
  background: #fff; color: #000; font-size: 9.5pt; } .scroll { overflow: visible; } th, td { padding: .25rem .45rem; }
  tr { break-inside: avoid; } tbody tr:hover > * { background: none; } }
""".strip()


def to_html(title: str, table: TableResult, *, footer: str = "") -> str:
    """Return the page."""
    body = "\n".join(_section(section) for section in table.printed())
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return page(title, f'{body}\n<ul class="notes">\n{notes}\n</ul>', footer=footer)


def page(title: str, body: str, *, footer: str = "") -> str:
    """Return a whole page around a body that is HTML already."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n"
        + (f"<footer>{escape(footer)}</footer>\n" if footer else "")
        + "</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    heading = f"<h2>{escape(section.title)}</h2>\n" if section.title else ""
    head = f"<thead>\n{_head(section)}\n</thead>"
    body = "\n".join(_rows(section))
    return f'{heading}<div class="scroll"><table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _head(section: Section) -> str:
    names = section.row_headers()
    lines = [_upper(level, names=len(names)) for level in section.spans()]
    lower = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*names, *(h[-1] for h in section.heads())))
    return "\n".join([*lines, f'<tr class="lower">{lower}</tr>' if lines else f"<tr>{lower}</tr>"])


def _upper(level: list[tuple[str, int]], *, names: int) -> str:
    spans = "".join(
        f'<th class="span" scope="colgroup" colspan="{width}">{escape(name)}</th>'
        if name
        else f'<td colspan="{width}"></td>'
        for name, width in level
    )
    return f'<tr><td colspan="{names}"></td>{spans}</tr>'


def _rows(section: Section) -> list[str]:
    names, lines = len(section.row_headers()), []
    for index, (row, sizes) in enumerate(zip(section.rows(), section.row_spans(), strict=True)):
        heads = "".join(_row_name(name, size) for name, size in zip(row[:names], sizes, strict=True) if size)
        cells = [_cell(cell, bold=(index, place) in section.bold) for place, cell in enumerate(row[names:])]
        group = ' class="group"' if names > 1 and sizes[0] else ""
        lines.append(f"<tr{group}>{heads}{''.join(cells)}</tr>")
    return lines


def _row_name(name: str, size: int) -> str:
    scope = f'scope="rowgroup" rowspan="{size}"' if size > 1 else 'scope="row"'
    indented = ' class="indented"' if name.startswith(INDENT) else ""
    return f"<th {scope}{indented}>{escape(name)}</th>"


def _cell(text: str, *, bold: bool) -> str:
    """Keep short cells with a digit on one line: a broken ``median (IQR) [range]`` cannot be read."""
    kind = ' class="number"' if len(text) < 40 and any(map(str.isdigit, text)) else ""
    return f"<td{kind}><strong>{escape(text)}</strong></td>" if bold else f"<td{kind}>{escape(text)}</td>"
