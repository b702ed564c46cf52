"""Write a file whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPORARY = ".partial"


@contextmanager
def replaced_when_whole(path: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name when the block ends without an error.

    ``suffix`` ends the temporary name where the writer chooses its format by it (``.nii.gz``).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}{suffix}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(content: Any, path: Path) -> None:
    """Write strict JSON (no NaN), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_when_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
