"""Names that become names of files and folders."""


def is_plain_name(name: object) -> bool:
    """Say whether a name is one part of a path: text, no separator, not the folder itself or the one above."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")
