"""What a conversion came from: versions, commit, code and source files."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_DISTRIBUTIONS = ("ctshift", "numpy", "SimpleITK", "pydicom", "nibabel", "scipy")


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
    """Return one hash over all source files of this package, so that no output of older code is taken over."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
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
            digest.update(f"{path.relative_to(root.resolve())}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(_PACKAGE.parent), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
