"""A table as Markdown (pipe table)."""

from analysis.table import Section, TableResult


def to_markdown(title: str, table: TableResult) -> str:
    """Return the sections as pipe tables, two-level headers joined, and the notes as a list."""
    parts = [f"# {title}"]
    for section in table.printed():
        if section.title:
            parts.append(f"## {section.title}")
        parts.append(_pipe_table(section))
    parts.append("\n".join(f"- {_escaped(note)}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def _pipe_table(section: Section) -> str:
    heads = [": ".join(head) for head in section.heads()]
    rows = [(section.row_header(), *heads), ("---",) * (len(heads) + 1), *section.rows()]
    return "\n".join("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("\n", " ")
