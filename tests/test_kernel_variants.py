import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.kernels.variants import VARIANTS, Reconstruction, group_reconstructions, variant_of
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import Grid


def _reconstruction(name: str, variant: str, depth: int) -> Reconstruction:
    load = lambda: CtImage(sitk.Image(4, 4, depth, sitk.sitkInt16), {})  # noqa: E731
    return Reconstruction(name, variant, Grid((4, 4, depth), np.eye(4)), load)


@pytest.mark.parametrize(
    ("given_", "cases"),
    [
        ([("r1", "LK", 5), ("r2", "MK", 5)], [{"LK": "r1", "MK": "r2"}]),
        ([("r1", "LK", 5), ("r2", "LK", 5), ("r3", "MK", 5)], [{"LK": "r1", "MK": "r3"}, {"LK": "r2"}]),
        ([("r1", "LK", 5), ("r2", "MK", 9), ("r3", "IK", 9)], [{"LK": "r1"}, {"MK": "r2", "IK": "r3"}]),
        ([], []),
    ],
)
def test_variants_of_a_case_share_a_grid_and_differ_in_kernel(given_, cases) -> None:
    grouped = group_reconstructions([_reconstruction(*one) for one in given_])
    assert [{variant: one.name for variant, one in case.items()} for case in grouped] == cases


@given(st.lists(st.tuples(st.sampled_from(sorted(VARIANTS)), st.integers(3, 5)), max_size=12))
def test_no_reconstruction_is_lost_or_put_on_a_foreign_grid(kinds) -> None:
    found = [_reconstruction(f"r{number}", *kind) for number, kind in enumerate(kinds)]
    cases = group_reconstructions(found)
    assert sorted(one.name for case in cases for one in case.values()) == sorted(one.name for one in found)
    assert all(len({one.grid.size_xyz for one in case.values()}) == 1 for case in cases)
    assert all(one.variant == variant for case in cases for variant, one in case.items())


def test_every_class_has_its_variant() -> None:
    assert [variant_of(name) for name in ("sharp", "soft", "medium", "unknown")] == list(VARIANTS)
