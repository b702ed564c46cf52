"""Rows and groups of a frame with the types they have: text keys, positions as integers."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def places_by(frame: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return the row positions of each combination of several text columns, in order of first appearance."""
    groups = frame.groupby(keys, sort=False).indices
    return {
        tuple(map(str, key if isinstance(key, tuple) else (key,))): np.asarray(places) for key, places in groups.items()
    }
