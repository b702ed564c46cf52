"""What a conversion came from: versions, commit, code and source files."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.records import DatasetInfo
from dataset_converters.writing.shown_options import shown_options

_PACKAGE = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS = ("ctshift", "numpy", "SimpleITK", "pydicom", "nibabel", "scipy")


def conversion_basis(
    info: DatasetInfo,
    root: Path,
    options: Mapping[str, Any],
    derive: Sequence[Mapping[str, Any]],
    *,
    without: Path,
) -> dict[str, Any]:
    """Return everything but the cases that decides the bytes of a conversion.

    ``kernel_table`` is the hash of the kernel table in use, where the dataset takes one.
    """
    return {
        "converter": info.name,
        "labels": dict(info.labels),
        "options": shown_options(options, root=root, fingerprint=source_fingerprint),
        "derive": [shown_options(entry, root=root, fingerprint=source_fingerprint) for entry in derive],
        "kernel_table": _kernel_table(info, options),
        "code": code_sha256(),
        "source": source_fingerprint(root, without=without),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of every package that decides the converted bytes."""
    return {"python": platform.python_version()} | {name: version_of(name) for name in _DISTRIBUTIONS}


def version_of(distribution: str) -> str:
    """Return the version of an installed distribution, or that it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def git_commit() -> str:
    """Return the commit of the checkout this package lies in, with ``+`` if files differ; empty without one."""
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != _PACKAGE.parent:
        return ""
    commit = _git("rev-parse", "--verify", "HEAD")
    return commit + ("+" if commit and _git("status", "--porcelain", "--", _PACKAGE.name) else "")


def code_sha256() -> str:
    """Return one hash over all code and tables of this package, so that no output of older ones is taken over."""
    digest = hashlib.sha256()
    for path in sorted(path for ending in ("py", "toml") for path in _PACKAGE.rglob(f"*.{ending}")):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def source_fingerprint(root: Path, *, without: Path | None = None) -> str:
    """Return a hash of name, size and time of every file below ``root`` except those below ``without``.

    A source changed between two runs is noticed without reading it; copying a source anew costs a fresh
    conversion and nothing else. Of links the targets count; a linked folder is walked once.
    """
    digest = hashlib.sha256()
    top = os.path.realpath(root)
    for path in _files(top, skipped=None if without is None else os.path.realpath(without)):
        digest.update(os.fsencode(os.path.relpath(path, top)))
        try:
            facts = os.stat(path)
        except OSError:  # a link to nothing
            digest.update(b"\0absent\n")
        else:
            digest.update(f"\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(top: str, *, skipped: str | None) -> Iterator[str]:
    seen = {top}
    for folder, folders, files in os.walk(top, followlinks=True):
        own = []
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(folder, name))
            if real not in seen and real != skipped and not _holds(real, top):
                seen.add(real)
                own.append(name)
        folders[:] = own
        yield from (os.path.join(folder, name) for name in sorted(files))


def _holds(folder: str, inner: str) -> bool:
    return Path(inner).is_relative_to(folder)


def _kernel_table(info: DatasetInfo, options: Mapping[str, Any]) -> str:
    if "kernel_table" not in info.options:
        return ""
    named = options.get("kernel_table")
    return load_kernel_table(Path(named) if named else None).sha256


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(_PACKAGE.parent), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
