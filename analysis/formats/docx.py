"""A table as a Word document (landscape A4), for journals that ask for editable tables; needs python-docx."""

import importlib.util
from io import BytesIO
from typing import Any

from analysis.table import Section, TableResult

FONT, SIZE_PT, NOTE_PT = "Times New Roman", 8, 7
MARGIN_MM, WIDTH_MM, HEIGHT_MM = 15, 297, 210
NOT_INSTALLED = "DOCX files not written: python-docx is not installed (pip install ctshift[docx])."


def docx_installed() -> bool:
    """Return whether python-docx can be imported."""
    return importlib.util.find_spec("docx") is not None


def to_docx(title: str, table: TableResult, *, footer: str = "") -> bytes:
    """Return the document: caption, a Word table per section with repeated header rows, and the notes."""
    import docx
    from docx.shared import Pt

    document = docx.Document()
    _landscape(document)
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(SIZE_PT)
    style.paragraph_format.space_after = Pt(2)
    document.core_properties.title, document.core_properties.author = title, ""
    document.core_properties.comments = footer
    document.add_paragraph().add_run(title).bold = True
    for section in table.printed():
        if section.title:
            document.add_paragraph().add_run(section.title).italic = True
        _add_section(document, section)
    for note in table.notes:
        document.add_paragraph().add_run(note).font.size = Pt(NOTE_PT)
    content = BytesIO()
    document.save(content)
    return content.getvalue()


def _landscape(document: Any) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm

    page = document.sections[0]
    page.orientation, page.page_width, page.page_height = WD_ORIENT.LANDSCAPE, Mm(WIDTH_MM), Mm(HEIGHT_MM)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(MARGIN_MM)


def _add_section(document: Any, section: Section) -> None:
    spans, rows, names = section.spans(), section.rows(), len(section.row_headers())
    grid = document.add_table(rows=len(spans) + 1 + len(rows), cols=names + len(section.heads()))
    lines = [list(line.cells) for line in grid.rows]
    for line, level in zip(lines, spans, strict=False):
        start = names
        for name, width in level:
            cell = line[start].merge(line[start + width - 1]) if width > 1 else line[start]
            _write(cell, name, bold=True, centred=True)
            start += width
    heads = (*section.row_headers(), *(head[-1] for head in section.heads()))
    for cell, name in zip(lines[len(spans)], heads, strict=True):
        _write(cell, name, bold=True)
    body = lines[len(spans) + 1 :]
    for index, (line, row) in enumerate(zip(body, rows, strict=True)):
        for place, (cell, text) in enumerate(zip(line, row, strict=True)):
            _write(cell, text, bold=(index, place - names) in section.bold)
    _rule(lines[0], "top", size=12)
    _rule(lines[len(spans)], "bottom", size=6)
    _rule(lines[-1], "bottom", size=12)
    for row in list(grid.rows)[: len(spans) + 1]:
        _repeat(row)


def _write(cell: Any, text: str, *, bold: bool = False, centred: bool = False) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    paragraph = cell.paragraphs[0]
    paragraph.add_run(text).bold = bold
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _rule(cells: list[Any], side: str, *, size: int) -> None:
    """Draw a horizontal rule of ``size`` eighths of a point: Word has no call for it."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for cell in cells:
        borders = OxmlElement("w:tcBorders")
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", str(size)), ("space", "0"), ("color", "000000")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
        cell._tc.get_or_add_tcPr().append(borders)


def _repeat(row: Any) -> None:
    """Repeat a header row on every page."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
