"""A table as one self-contained HTML page: no scripts, no outside files, light and dark, fit for printing."""

from html import escape

from analysis.table import Section, TableResult

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
tbody tr + tr > * { border-top: 1px solid var(--faint); }
tbody tr:hover > * { background: var(--hover); }
td.number { white-space: nowrap; }
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
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n"
        f'<ul class="notes">\n{notes}\n</ul>\n</main>\n'
        + (f"<footer>{escape(footer)}</footer>\n" if footer else "")
        + "</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    heading = f"<h2>{escape(section.title)}</h2>\n" if section.title else ""
    rows = "\n".join(_row(row) for row in section.rows())
    head = f"<thead>\n{_head(section)}\n</thead>"
    return f'{heading}<div class="scroll"><table>\n{head}\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _head(section: Section) -> str:
    names = (section.row_header(), *(head[-1] for head in section.heads()))
    lower = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    if not section.spans():
        return f"<tr>{lower}</tr>"
    spans = "".join(
        f'<th class="span" scope="colgroup" colspan="{width}">{escape(name)}</th>' for name, width in section.spans()
    )
    return f'<tr><td></td>{spans}</tr>\n<tr class="lower">{lower}</tr>'


def _row(row: tuple[str, ...]) -> str:
    return f'<tr><th scope="row">{escape(row[0])}</th>{"".join(map(_cell, row[1:]))}</tr>'


def _cell(text: str) -> str:
    """Keep short cells with a digit on one line: a broken ``median (IQR) [range]`` cannot be read."""
    kind = ' class="number"' if len(text) < 40 and any(map(str.isdigit, text)) else ""
    return f"<td{kind}>{escape(text)}</td>"
