"""Which range of values a CT in HU has: asked by the check of files and by the check of anatomy alike."""

AIR_HU, DENSE_HU, STORED_HU = -500, 200, -100


def range_fault(low: float, high: float) -> tuple[str, str] | None:
    """Say how bad a range of values is for a CT in HU, and what is wanted; None for a fine one.

    Returns
    -------
    tuple or None
        ``error`` for values from no air or to no tissue (no rescale intercept, or scaled to another unit), ``warning``
        for values that a window may have cut.
    """
    if low >= STORED_HU or high <= STORED_HU:
        return "error", f"HU: air below {AIR_HU} and tissue above {DENSE_HU}"
    if low > AIR_HU or high < DENSE_HU:
        return "warning", f"air below {AIR_HU} HU and bone or contrast above {DENSE_HU} HU"
    return None
