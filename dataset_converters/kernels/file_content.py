"""The bytes of a small file that a stranger wrote: of a regular file, and of no more than it may hold."""

from pathlib import Path


class FileContentError(Exception):
    """A file cannot be used; the message says what was found, in no word of the file."""


def read_small_file(path: Path, *, largest_bytes: int) -> bytes:
    """Return the content of a file.

    Raises
    ------
    FileContentError
        It is absent or not readable, larger than allowed, or a folder, pipe or device, which may never end.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileContentError("a folder, pipe or device")
        with path.open("rb") as stream:
            content = stream.read(largest_bytes + 1)
    except OSError as error:
        raise FileContentError(error.strerror or type(error).__name__) from None
    if len(content) > largest_bytes:
        raise FileContentError(f"more than {largest_bytes} bytes")
    return content
