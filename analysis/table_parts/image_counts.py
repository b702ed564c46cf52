"""Numbers of volumes, of slices that show the lung and of all slices, as Hofmanninger et al. 2020 print them."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.summary import NO_VALUE

IMAGE = ["dataset", "patient", "case", "variant"]
HEADS = ("#Vol.", "#SlicesL", "#Slices")
CHOSEN = "chosen_slices"
LUNG_NOTE = "#SlicesL: slices on which the reference shows lung; #Slices: all slices of the images."


def count_images(used: pd.DataFrame, images: pd.DataFrame) -> dict[str, Any]:
    """Return the counts over the images named by ``IMAGE`` in ``used``, each image once.

    Of an image with ``chosen_slices`` only these count, in both columns: they all show lung. ``lung_slices`` is NaN
    where the reference of any other image does not show the lung on every slice, ``slices`` where an image is not
    listed; ``unknown`` counts the images without a number of lung slices.
    """
    keys = used[IMAGE].drop_duplicates()
    found = keys.merge(images[[*IMAGE, "slices", "lung_slices"]].drop_duplicates(IMAGE), on=IMAGE, how="left")
    slices, lung = (pd.to_numeric(found[name], errors="coerce") for name in ("slices", "lung_slices"))
    if CHOSEN in used:
        chosen = keys.merge(used.drop_duplicates(IMAGE), on=IMAGE, how="left")[CHOSEN].astype(float)
        slices, lung = chosen.fillna(slices.astype(float)), chosen.fillna(lung.astype(float))
    return {
        "volumes": len(keys),
        "patients": len(keys[["dataset", "patient"]].drop_duplicates()),
        "lung_slices": float(lung.sum()) if lung.notna().all() else np.nan,
        "slices": float(slices.sum()) if slices.notna().all() else np.nan,
        "unknown": int(lung.isna().sum()),
    }


def printed_counts(counts: dict[str, Any]) -> list[str]:
    """Return the cells below ``HEADS``."""
    return [str(counts["volumes"]), _whole(counts["lung_slices"]), _whole(counts["slices"])]


def unknown_note(rows: list[dict[str, Any]], *, name: str) -> list[str]:
    """Say for which rows the number of lung slices is not known, and why."""
    unknown = [f"{row[name]} ({row['unknown']} of {row['volumes']} volumes)" for row in rows if row["unknown"]]
    if not unknown:
        return []
    return [f"{NO_VALUE}: no reader outlined the lung on every slice: {', '.join(unknown)}."]


def _whole(value: float) -> str:
    return NO_VALUE if np.isnan(value) else f"{value:.0f}"
