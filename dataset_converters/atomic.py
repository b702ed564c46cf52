"""Files that are whole or absent: written under a temporary name, renamed when complete."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MARK = ".partial"


class DiskFullError(OSError):
    """The disk has no room for a file; nothing of that file is left behind."""


@contextlib.contextmanager
def replacing(path: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds, remove it if not.

    The temporary name holds the process id and ends in ``.partial``, so that no reader that looks for
    images takes it for one; ``suffix`` ends it instead where the writer chooses its format by the name.

    Raises
    ------
    DiskFullError
        If the block or the renaming runs out of space or quota.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_MARK}{suffix}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(
            error.errno,
            f"disk full while writing {path}: found no room left, wanted room for the whole file; free some space "
            "and run the same command again, finished files are kept",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to a file, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole or not at all; equal values give equal bytes.

    Raises
    ------
    ValueError
        If the value holds NaN or infinity, which JSON has not.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def remove_partial_files(folder: Path) -> None:
    """Remove what killed writers left in a folder; only one writer may work there."""
    for leftover in folder.glob(f".*{_MARK}*"):
        leftover.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    """Have the content on the disk before it gets its name, so that a power failure leaves the old file."""
    with path.open("rb") as written:
        os.fsync(written.fileno())
