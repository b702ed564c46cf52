"""What a conversion came from: versions, commit, code and source files."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.records import DatasetInfo
from dataset_converters.volumes.nifti import sha256_of
from dataset_converters.writing.derived_variants import option_paths

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
        "options": dict(options),
        "option_files": _option_files(options),
        "derive": [dict(entry) for entry in derive],
        "derive_files": [_file_hashes(option_paths(entry, root)) for entry in derive],
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


def source_fingerprint(root: Path, *, without: Path) -> str:
    """Return a hash of name, size and time of every file below ``root`` except those below ``without``.

    A source changed between two runs is noticed without reading it; copying a source anew costs a fresh
    conversion and nothing else.
    """
    digest = hashlib.sha256()
    skipped = without.resolve()
    for folder, folders, files in os.walk(root.resolve()):
        folders[:] = sorted(name for name in folders if Path(folder, name) != skipped)
        for name in sorted(files):
            path = Path(folder, name)
            facts = path.stat(follow_symlinks=False)
            digest.update(os.fsencode(path.relative_to(root.resolve())))
            digest.update(f"\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _option_files(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of every file an option names, so that its change is noticed like one of the source."""
    return _file_hashes({name: Path(value) for name, value in options.items() if isinstance(value, str) and value})


def _file_hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: sha256_of(path) for name, path in paths.items() if path.is_file()}


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
