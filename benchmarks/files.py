"""Whole files or none: written under a temporary name, then renamed."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import SimpleITK as sitk


def write_json(path: Path, content: Any) -> Path:
    """Write JSON atomically and return the path."""
    text = json.dumps(content, indent=1, sort_keys=False, ensure_ascii=False) + "\n"
    return write_text(path, text)


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically and return the path."""
    return _replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_image(path: Path, image: sitk.Image) -> Path:
    """Write a compressed image atomically; the format follows the suffix."""
    return _replace(path, lambda temporary: sitk.WriteImage(image, str(temporary), useCompression=True))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace(path: Path, write: Callable[[Path], object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix="".join(path.suffixes[-2:]))
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
