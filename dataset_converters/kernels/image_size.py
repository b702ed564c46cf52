"""Whether slices are large enough, and their pixels of a size, for a kernel to be measured or emulated."""

import SimpleITK as sitk

SMALLEST_SIDE = 32
"""Pixels: fewer hold no tile of tissue and no spectrum."""
SMALLEST_PIXEL_MM = 0.05
"""Below this no CT of a patient is reconstructed: a spacing of another unit."""
LONGEST_TO_SHORTEST = 16


def size_fault(image: sitk.Image) -> tuple[str, str] | None:
    """Return what was found and wanted if the slices are too small or too narrow, or the pixels impossibly small."""
    columns, rows, _ = image.GetSize()
    if min(rows, columns) < SMALLEST_SIDE:
        return f"slices of {columns} x {rows} pixels", f"at least {SMALLEST_SIDE} x {SMALLEST_SIDE}"
    smallest_mm = min(image.GetSpacing()[:2])
    if smallest_mm < SMALLEST_PIXEL_MM:
        return f"pixels of {smallest_mm:.3g} mm", f"at least {SMALLEST_PIXEL_MM:g} mm: a spacing in mm"
    sides = columns * image.GetSpacing()[0], rows * image.GetSpacing()[1]
    if max(sides) > LONGEST_TO_SHORTEST * min(sides):
        found = f"slices of {sides[0]:.4g} x {sides[1]:.4g} mm"
        return found, f"sides of at most {LONGEST_TO_SHORTEST} to 1"
    return None
