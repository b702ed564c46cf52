"""A table on the terminal."""

from collections.abc import Collection

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.table import Section, TableResult


def print_table(title: str, table: TableResult, *, console: Console, known: Collection[str] = ()) -> None:
    """Print the sections, folded to the width of the terminal, and the notes that are not ``known`` yet."""
    console.print(Text(title, style="bold"))
    for section in table.printed():
        console.print(_grid(section))
    for note in (note for note in table.notes if note not in known):
        console.print(Text(f"  {note}", style="dim"))
    console.print()


def _grid(section: Section) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, title=section.title or None, title_justify="left", pad_edge=False)
    names = section.row_headers()
    for name in names:
        grid.add_column(Text(name), overflow="fold")
    for head in section.heads():
        grid.add_column(Text("\n".join(word for word in head if word)), overflow="fold")
    for index, row in enumerate(section.rows()):
        cells = [
            Text(cell, style="bold" if (index, place - len(names)) in section.bold else "")
            for place, cell in enumerate(row)
        ]
        grid.add_row(*cells)
    return grid
