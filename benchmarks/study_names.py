"""Names in a study file: what is refused, and the error that lists the choices."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+-]*")
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RESERVED = ("background", "ignore")


class StudyError(Exception):
    """A study file is wrong; the message names the file, the key, what was found and the choices."""


def refuse_repeats(where: str, names: Sequence[str]) -> None:
    """Refuse a name that is used twice."""
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"[{where}] {name!r} is used {names.count(name)} times; names must differ")


def refuse_unknown(where: str, names: Iterable[str], choices: Iterable[str]) -> None:
    """Refuse a name that is no choice."""
    known = list(choices)
    for name in names:
        if name not in known:
            raise StudyError(f"[{where}] unknown name {name!r}; the choices are: {', '.join(known) or 'none'}")


def refuse_empty(where: str, names: Sequence[str]) -> None:
    """Refuse a list without entries."""
    if not names:
        raise StudyError(f"[{where}] is empty; name at least one")


def wanted_name(where: str, name: str, pattern: re.Pattern[str]) -> None:
    """Refuse a name that cannot be a file name."""
    if not pattern.fullmatch(name):
        raise StudyError(f"[{where}] name {name!r} cannot be a file name here; wanted {pattern.pattern}")


def inside(where: str, folder: str) -> None:
    """Refuse a folder that leads out of the data folder."""
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        raise StudyError(f"[{where}] folder {folder!r} leaves the data folder; give a path below it")
