"""Options as files may hold them: no path, for the folders of a person's files may be called after patients."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataset_converters.volumes.nifti import sha256_of

Fingerprint = Callable[[Path], str]


def shown_options(options: Mapping[str, Any], *, root: Path, fingerprint: Fingerprint | None = None) -> dict[str, Any]:
    """Return options with a marker for every text that names a file (its hash) or a folder, or has a slash.

    Parameters
    ----------
    root : Path
        An option may name a file below it.
    fingerprint : callable, optional
        Hash of a folder; with it every change of such an option, or of what it names, changes the marker.
    """
    return {name: _shown(value, root, fingerprint) for name, value in options.items()}


def _shown(value: Any, root: Path, fingerprint: Fingerprint | None) -> Any:
    if isinstance(value, list):
        return [_shown(part, root, fingerprint) for part in value]
    if isinstance(value, dict):
        return {name: _shown(part, root, fingerprint) for name, part in value.items()}
    return _shown_text(value, root, fingerprint) if isinstance(value, str) and value else value


def _shown_text(text: str, root: Path, fingerprint: Fingerprint | None) -> str:
    for path in (text, os.path.join(root, text)):
        if os.path.isfile(path):
            return f"file sha256:{sha256_of(Path(path))}"
    if os.path.isdir(text):
        return f"folder {fingerprint(Path(text))}" if fingerprint else "folder"
    if "/" in text or "\\" in text:
        marker = "text with a slash, not shown"
        return f"{marker} {hashlib.sha256(text.encode()).hexdigest()}" if fingerprint else marker
    return text
