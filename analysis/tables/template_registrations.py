"""How well images were registered to the templates of an arm, failed ones named; no table of a paper."""

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult

NAME = "template_registrations"
TITLE = "Registration of all images to the templates of AtlasNet"
FIGURES = {
    "lung_dice": ("Lung DSC, training images", 3),
    "air_dice": ("DSC of lung air", 3),
    "covered": ("Lung inside the template (%)", 1),
    "correlation": ("Correlation", 3),
    "folding_share": ("Folds (%)", 3),
    "inverse_p95_mm": ("Round trip, 95th percentile (mm)", 2),
}
"""Column of ``registrations.csv`` to its header and decimals; shares in percent."""
NOTES = (
    "Median [quartiles] over images. Lung DSC: lung with its disease, the image's label warped to the template against "
    "the template's own, where both are annotated on every slice; lung air: found in the images, without labels.",
    "Failed: a limit was missed or there is no lung to register by. The image is used all the same, as far as it could "
    "be laid on the template; read its scores with that in mind.",
)
MOST_NAMED = 10


def make(results: Results) -> TableResult:
    """Return a row per template; the machine-readable frame has one per image.

    Raises
    ------
    NotApplicableError
        If no arm has templates.
    """
    frame = results.registrations
    if frame.empty:
        raise NotApplicableError("needs an arm with templates")
    groups = list(frame.groupby(["templates", "number"], sort=False))
    names = [(name, f"{number}: {group['template'].iloc[0]}") for (name, number), group in groups]
    index = pd.MultiIndex.from_tuples(names, names=["Arm and fold", "Template"])
    printed = pd.DataFrame([_row(group) for _, group in groups], index=index)
    return TableResult(frame, (*NOTES, *_named(frame)), (Section("", printed),))


def _row(group: pd.DataFrame) -> dict[str, str]:
    row = {"Images": str(len(group)), "Failed": str(int(group["status"].ne("done").sum()))}
    for column, (header, decimals) in FIGURES.items():
        values = group[column].dropna() if column in group else pd.Series(dtype=float)
        row[header] = _median(values * (100 if column in ("folding_share", "covered") else 1), decimals)
    return row


def _median(values: pd.Series, decimals: int) -> str:
    if values.empty:
        return NO_VALUE
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return f"{middle:.{decimals}f} [{low:.{decimals}f}–{high:.{decimals}f}]"


def _named(frame: pd.DataFrame) -> list[str]:
    failed = frame[frame["status"].ne("done")]
    if failed.empty:
        return []
    shown = [f"{row.image} on template {row.number}: {row.reason}" for row in failed.head(MOST_NAMED).itertuples()]
    more = f"; and {len(failed) - MOST_NAMED} more, in the CSV file" if len(failed) > MOST_NAMED else ""
    return [f"Failed registrations: {'; '.join(shown)}{more}."]
