"""A path that a table or a header names, only if it stays below its folder."""

from pathlib import Path, PurePosixPath


def path_inside(root: Path, text: str) -> Path | None:
    r"""Return ``root / text``, None if that is no plain relative path or, links followed, lies outside ``root``.

    ``\`` counts as ``/``, as tables written under Windows have it; a leading ``./`` is fine. The path need not exist.
    """
    relative = PurePosixPath(text.strip().replace("\\", "/"))
    parts = relative.parts
    if not parts or relative.is_absolute() or ".." in parts or ":" in parts[0] or "\0" in text:
        return None
    path = root.joinpath(*parts)
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return None
    return path if inside else None
