"""The record every hypothesis test returns."""

from dataclasses import dataclass

NAN = float("nan")


@dataclass(frozen=True)
class TestResult:
    """The result of one test; ``p`` is NaN and ``reason`` says why where the test is not defined.

    Attributes
    ----------
    name : str
        Name and variant of the test, for example ``Wilcoxon signed-rank, exact``.
    statistic : float
        R's: V (sum of the ranks of positive differences), W (Mann-Whitney count), chi-squared of Kruskal-Wallis and
        Friedman, t; of Fisher's exact test the probability of the observed table.
    p : float
        Unrounded, two-sided unless the test was asked otherwise.
    df : float
        Degrees of freedom; NaN for tests without.
    standard_error : float
        Monte Carlo standard error of ``p``; NaN where ``p`` is not simulated.
    """

    __test__ = False  # pytest would collect it

    name: str
    statistic: float
    p: float
    reason: str = ""
    df: float = NAN
    standard_error: float = NAN


def not_defined(name: str, reason: str) -> TestResult:
    """Return the result of a test that is not defined, with its reason."""
    return TestResult(name, NAN, NAN, reason)
