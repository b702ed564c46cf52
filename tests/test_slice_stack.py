import numpy as np
import pytest
from dicom_files import AXIAL, WHERE, oblique
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.dicom.slice_stack import stack_slices
from dataset_converters.errors import ConversionError


def test_jitter_within_the_tolerance_is_one_stack_and_beyond_is_not() -> None:
    orientations = np.tile(AXIAL, (5, 1))
    positions = np.array([[0, 0, z] for z in (0.0, 1.24, 2.5, 3.76, 5.0)])
    assert stack_slices(positions, orientations, **WHERE).slice_spacing_mm == 1.25
    positions[2, 2] = 2.7
    with pytest.raises(ConversionError, match="2 uneven slice distances"):
        stack_slices(positions, orientations, **WHERE)


def test_slowly_growing_distances_are_no_uniform_stack() -> None:
    z = np.cumsum(np.linspace(0.95, 1.05, 40))
    positions = np.stack([0 * z, 0 * z, z], axis=1)
    with pytest.raises(ConversionError, match="from their place in a uniform stack"):
        stack_slices(positions, np.tile(AXIAL, (40, 1)), **WHERE)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(6)), st.floats(0.3, 8), st.floats(-1000, 1000))
def test_any_order_of_slices_gives_the_same_stack(order: list[int], spacing_mm: float, start_mm: float) -> None:
    direction = np.reshape(oblique(), (3, 3))
    positions = np.outer(start_mm + spacing_mm * np.arange(6), direction[:, 2]) + np.array([3, -4, 5])
    orientations = np.tile([*direction[:, 0], *direction[:, 1]], (6, 1))
    stack = stack_slices(positions[order], orientations, **WHERE)
    assert [order[i] for i in stack.order] == list(range(6))
    np.testing.assert_allclose(stack.origin_mm, positions[0])
    assert stack.slice_spacing_mm == pytest.approx(spacing_mm)
    np.testing.assert_allclose(np.reshape(stack.direction, (3, 3)), direction, atol=1e-12)
