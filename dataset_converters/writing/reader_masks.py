"""What is written of a reader's annotation: a mask with open voxels marked, and the label map for training."""

import numpy as np
import SimpleITK as sitk

from dataset_converters.records import IGNORED


def reader_mask(annotation: sitk.Image, slices: tuple[int, ...] | None, *, ignore: int) -> sitk.Image:
    """Return a reader's mask: background on slices the reader did not annotate, ``ignore`` on voxels left open.

    Parameters
    ----------
    annotation : SimpleITK.Image
        uint8 labels, `IGNORED` where the reader left voxels open.
    slices : tuple of int or None
        z indices the reader annotated; None: all.
    ignore : int
        Value that stands for `IGNORED` in files.
    """
    return _rewritten(annotation, slices, ignore=ignore, outside=0)


def training_label(annotation: sitk.Image, slices: tuple[int, ...] | None, *, ignore: int) -> sitk.Image:
    """Return a label map to train on: ``ignore`` on slices the reader did not annotate and on voxels left open."""
    return _rewritten(annotation, slices, ignore=ignore, outside=ignore)


def drawn_slices(annotation: sitk.Image, *, ignore: int = IGNORED) -> set[int]:
    """Return the z indices of slices with a structure on them."""
    values = sitk.GetArrayViewFromImage(annotation)
    return {z for z, plane in enumerate(values) if ((plane != 0) & (plane != ignore)).any()}


def count_value(annotation: sitk.Image, value: int) -> int:
    """Return how many voxels have a value."""
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(annotation) == value))


def _rewritten(annotation: sitk.Image, slices: tuple[int, ...] | None, *, ignore: int, outside: int) -> sitk.Image:
    if slices is None and not count_value(annotation, IGNORED):
        return annotation
    values = sitk.GetArrayFromImage(annotation)
    values[values == IGNORED] = ignore
    if slices is not None:
        unseen = np.ones(len(values), dtype=bool)
        unseen[list(slices)] = False
        values[unseen] = outside
    rewritten = sitk.GetImageFromArray(values)
    rewritten.CopyInformation(annotation)
    return rewritten
