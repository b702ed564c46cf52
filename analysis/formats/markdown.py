"""A table as Markdown (pipe table)."""

from analysis.table import Section, TableResult


def to_markdown(title: str, table: TableResult) -> str:
    """Return the sections as pipe tables, header levels joined, and the notes as a list."""
    parts = [f"# {_escaped(title)}"]
    for section in table.printed():
        if section.title:
            parts.append(f"## {_escaped(section.title)}")
        parts.append(_pipe_table(section))
    parts.append("\n".join(f"- {_escaped(note)}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def _pipe_table(section: Section) -> str:
    names = section.row_headers()
    heads = [": ".join(word for word in head if word) for head in section.heads()]
    lines = [(*names, *heads), ("---",) * (len(names) + len(heads))]
    lines = [tuple(map(_escaped, line)) for line in lines]
    for index, row in enumerate(section.rows()):
        lines.append(tuple(
            f"**{_escaped(cell)}**" if (index, place - len(names)) in section.bold and cell else _escaped(cell)
            for place, cell in enumerate(row)
        ))  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    for character in "\\|*_<":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", " ")
