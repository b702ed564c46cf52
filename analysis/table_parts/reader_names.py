"""Readers in their natural order and as tables print them."""

import re
from collections.abc import Iterable

import pandas as pd


def readers_of(values: pd.DataFrame) -> list[str]:
    """Return the readers of `aggregate.reader_values` compared with others, ``reader2`` before ``reader10``."""
    pairs = values[values["kind"].eq("reader")]
    return in_order({*pairs["first"], *pairs["second"]})


def in_order(names: Iterable[str]) -> list[str]:
    """Return different names in natural order."""
    return sorted(set(names), key=_natural)


def spoken_reader(name: str) -> str:
    """Return ``Reader 1`` for ``reader1``; other names as they are."""
    found = re.fullmatch(r"reader(\d+)", name)
    return f"Reader {found[1]}" if found else name


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
