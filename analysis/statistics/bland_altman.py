"""Bland-Altman analysis: bias, limits of agreement with their intervals, and proportional bias."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.statistics.samples import Floats, as_pairs, as_sample, not_finite, too_few

AGREEMENT_Z = 1.96
NAN = float("nan")
BLAND_ALTMAN_NOTE = (
    "Limits of agreement: bias ± 1.96 SD of the differences; t intervals, variance of a limit "
    "SD² (1/n + 1.96²/(2(n - 1))) (Bland and Altman 1999)."
)


@dataclass(frozen=True)
class BlandAltman:
    """Bias, SD (n - 1) and limits of agreement of ``n`` differences with intervals; not defined is NaN, see ``reason``.

    ``slope`` is the change of the difference per unit of size (proportional bias) and ``slope_p`` its P value.
    """

    n: int
    bias: float = NAN
    bias_low: float = NAN
    bias_high: float = NAN
    sd: float = NAN
    lower: float = NAN
    lower_low: float = NAN
    lower_high: float = NAN
    upper: float = NAN
    upper_low: float = NAN
    upper_high: float = NAN
    slope: float = NAN
    slope_p: float = NAN
    reason: str = ""


def bland_altman(
    differences: npt.ArrayLike, sizes: npt.ArrayLike | None = None, *, confidence: float = 0.95
) -> BlandAltman:
    """Return the Bland-Altman analysis of measured minus reference, in the unit of the differences (mL or %).

    The limits are bias ± 1.96 SD (Bland and Altman, Lancet 1986; 1:307-310). All intervals take the t distribution
    with n - 1 degrees of freedom; the variance of a limit is SD² (1/n + 1.96²/(2 (n - 1))) (Statistical Methods in
    Medical Research 1999; 8:135-160, section 2.1), approximate below about 30 patients. pingouin only draws the
    plot, with the rougher variance 3 SD² / n of 1986.

    Parameters
    ----------
    differences : float array (n,)
        One difference per patient.
    sizes : float array (n,), optional
        What the differences are plotted against: the reference (Lee et al. 2023) or the mean of both. Differences are
        regressed on it by least squares. Without it the slope is NaN.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    name = "Bland-Altman"
    sample = as_sample(differences, name) if sizes is None else as_pairs(differences, sizes, name)[0]
    n = len(sample)
    if reason := too_few(n) or not_finite(sample):
        return BlandAltman(n, reason=reason)
    if np.ptp(sample) == 0:
        return BlandAltman(n, bias=float(sample.mean()), sd=0.0, reason="all differences are equal")
    result = _limits(sample, confidence=confidence)
    return result if sizes is None else _with_slope(result, sample, as_sample(sizes, name))


def _limits(sample: Floats, *, confidence: float) -> BlandAltman:
    from scipy import stats

    n, bias, sd = len(sample), float(sample.mean()), float(sample.std(ddof=1))
    t = float(stats.t.ppf((1 + confidence) / 2, n - 1))
    half_bias = t * sd / np.sqrt(n)
    half_limit = t * sd * np.sqrt(1 / n + AGREEMENT_Z**2 / (2 * (n - 1)))
    lower, upper = bias - AGREEMENT_Z * sd, bias + AGREEMENT_Z * sd
    return BlandAltman(
        n, bias=bias, bias_low=bias - half_bias, bias_high=bias + half_bias, sd=sd,
        lower=lower, lower_low=lower - half_limit, lower_high=lower + half_limit,
        upper=upper, upper_low=upper - half_limit, upper_high=upper + half_limit,
    )  # fmt: skip


def _with_slope(result: BlandAltman, differences: Floats, sizes: Floats) -> BlandAltman:
    if reason := not_finite(sizes):
        return replace(result, reason=f"no slope: {reason}")
    if np.ptp(sizes) == 0:
        return replace(result, reason="no slope: all sizes are equal")
    from scipy import stats

    line = stats.linregress(sizes, differences)
    return replace(result, slope=float(line.slope), slope_p=float(line.pvalue))
