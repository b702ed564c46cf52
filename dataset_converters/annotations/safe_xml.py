"""XML of strangers: no document type, no entities, bounded size and depth."""

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from dataset_converters.volumes.stored_voxels import UnreadableFileError

LARGEST_BYTES = 2**25
DEEPEST = 40
MOST_ELEMENTS = 2_000_000


def read_xml(path: Path) -> Element:
    """Read an XML file; names of elements lose their namespace, and attributes are left out.

    Raises
    ------
    UnreadableFileError
        Not well-formed, larger, deeper or of more elements than the bounds, or with a document type or entities
        (which can expand without end or point at other files).
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UnreadableFileError(found="a very large XML file", wanted=f"at most {LARGEST_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(
            found=f"a file that cannot be opened ({type(error).__name__})", wanted="a readable file"
        ) from None
    builder = TreeBuilder()
    parser = _parser(builder)
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise UnreadableFileError(
            found=f"no well-formed XML ({type(error).__name__})", wanted="a complete XML file"
        ) from None


def _parser(builder: TreeBuilder) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = count = 0

    def start(name: str, _: object) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEEPEST or count > MOST_ELEMENTS:
            raise UnreadableFileError(
                found="XML of more or deeper elements than any contour file",
                wanted=f"at most {MOST_ELEMENTS}, {DEEPEST} deep",
            )
        builder.start(name.rpartition(" ")[2], {})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(" ")[2])

    def refuse(*_: object) -> NoReturn:
        raise UnreadableFileError(found="XML with a document type or entities", wanted="plain elements and text")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser
