"""Limited or extensive lung disease in systemic sclerosis: the staging of Goh et al. 2008."""

from dataclasses import dataclass
from math import isnan
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["limited", "extensive", ""]
Rule: TypeAlias = Literal["extent", "fvc", "20 % rule only", ""]

EXTENT_PERCENT = 20.0
INDETERMINATE_PERCENT = (10.0, 30.0)
FVC_PERCENT = 70.0
STAGING_NOTE = (
    "Goh 2008: disease extent below 10 % of the lung limited, above 30 % extensive; from 10 to 30 % extensive if the "
    "forced vital capacity is below 70 % of predicted, else limited. Without FVC, from 10 to 30 %: extensive above "
    "20 % (20 % rule only)."
)


@dataclass(frozen=True)
class Staging:
    """The stage of one patient and the rule that decided it; without a stage both are empty and ``reason`` says why."""

    stage: Stage
    rule: Rule
    reason: str = ""


def goh_stage(extent_percent: float, fvc_percent: float = float("nan")) -> Staging:
    """Return the stage of a patient.

    Parameters
    ----------
    extent_percent : float
        Disease in per cent of the lung volume; NaN: not known, and there is no stage.
    fvc_percent : float
        Forced vital capacity in per cent of predicted; NaN: not known, then the extent alone decides where the disease
        is neither clearly above nor clearly below 20 %.

    Notes
    -----
    Goh 2008 (Am J Respir Crit Care Med 177:1248-1254): extent, optimal threshold 20 %, was read as clearly below,
    clearly above or indeterminate, which the authors give as 10 to 30 %. That range belongs to a reader who is in
    doubt; here a measured extent stands in for the reader, and both ends of the range count as indeterminate.
    """
    if isnan(extent_percent):
        return Staging("", "", "no disease extent")
    low, high = INDETERMINATE_PERCENT
    if extent_percent < low or extent_percent > high:
        return Staging("limited" if extent_percent < low else "extensive", "extent")
    if isnan(fvc_percent):
        return Staging("extensive" if extent_percent > EXTENT_PERCENT else "limited", "20 % rule only")
    return Staging("extensive" if fvc_percent < FVC_PERCENT else "limited", "fvc")
