"""Numbers, shifts and effect sizes as the tables of tests print them, with a true minus."""

from analysis.statistics.summary import NO_VALUE

EFFECT_NOTE = "Effect: rank-biserial correlation, −1 to 1, positive where the first is higher."


def number(value: float, *, decimals: int = 2) -> str:
    """Return ``0.62``, ``−0.10``, ``∞``; a dash where the value is not defined."""
    if value != value:
        return NO_VALUE
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "−∞"
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def with_interval(estimate: float, low: float, high: float, *, decimals: int = 3) -> str:
    """Return ``0.020 (−0.010, 0.050)``; says so where there is an estimate but no interval."""
    if estimate != estimate:
        return NO_VALUE
    if low != low or high != high:
        return f"{number(estimate, decimals=decimals)} (no interval)"
    limits = ", ".join(number(limit, decimals=decimals) for limit in (low, high))
    return f"{number(estimate, decimals=decimals)} ({limits})"
