"""Laws of registration on small chests: identity, translation in mm, inverse, labels, determinism, folds, bad input."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.registration.affine import Affine
from dataset_converters.registration.deformation import Deformation, folding_share, jacobian_determinant
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.frame import Frame, coarser, shrink, spline
from dataset_converters.registration.quality import dice
from dataset_converters.registration.register import Registration, backend_names, register
from dataset_converters.registration.sampling import centres
from dataset_converters.registration.velocity import exponential
from dataset_converters.registration.warp import OUTSIDE_HU, Warp, inverse_error_mm

SPACING = (10.0, 6.0, 8.0)
SHAPE = (24, 44, 42)
BACKENDS = ("svf", "demons")


def chest(shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0), wide: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A body with two lungs of air, smooth borders, moved by millimetres: HU and lung mask."""
    z, y, x = (
        (np.arange(count) + 0.5) * step - count * step / 2 - shift
        for count, step, shift in zip(SHAPE, SPACING, shift_mm, strict=True)
    )
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
    body = 1 - np.sqrt((y / 105) ** 2 + (x / 145) ** 2) + 0 * z
    lungs = [1 - np.sqrt((z / 85) ** 2 + (y / (60 * wide)) ** 2 + ((x - side) / 45) ** 2) for side in (-62, 62)]
    lung = np.maximum(*lungs)
    hu = -1000 + 1040 * np.clip(0.5 + 12 * body, 0, 1) - 890 * np.clip(0.5 + 8 * lung, 0, 1)
    return hu.astype(np.float32), lung > 0


def registered(moving: np.ndarray, fixed: np.ndarray, **options: object) -> Registration:
    return register(moving, fixed, moving_spacing_mm=SPACING, fixed_spacing_mm=SPACING, **options)  # type: ignore[arg-type]


def warp_of(registration: Registration) -> Warp:
    assert registration.warp is not None, registration.quality.reason
    return registration.warp


def moved_mm(warp: Warp, mask: np.ndarray) -> np.ndarray:
    """How far every point of a mask moves, (3, points)."""
    points = centres(warp.working)
    moved = warp.affine.apply(points + torch.from_numpy(warp.deformation.forward)) - points
    return moved.numpy()[:, shrink(mask, warp.working) > 0.5]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_image_lies_on_itself(backend: str) -> None:
    image, lung = chest()
    found = registered(image, image, backend=backend, moving_lung=lung, fixed_lung=lung)
    assert found.quality.status == "done"
    assert found.quality.lung_dice > 0.999
    assert np.linalg.norm(moved_mm(warp_of(found), lung), axis=0).max() < 0.2 * min(SPACING)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_translation_is_found_in_millimetres(backend: str) -> None:
    shift = (11.0, -9.0, 13.0)
    moving, fixed = chest(shift), chest()
    warp = warp_of(registered(moving[0], fixed[0], backend=backend))
    error = np.abs(moved_mm(warp, fixed[1]).mean(axis=1) - shift)
    assert np.all(error < 0.2 * np.array(SPACING)), error


def test_exponential_and_its_negative_undo_each_other() -> None:
    frame = Frame((20, 30, 24), (5.0, 3.0, 4.0))
    knots = torch.from_numpy(np.random.default_rng(0).normal(0, 6, (3, 4, 4, 4)).astype(np.float32))
    velocity = knots
    for axis, count in enumerate(frame.shape, start=1):
        velocity = torch.tensordot(velocity, torch.from_numpy(spline(4, count)), dims=([axis], [1])).movedim(-1, axis)
    fields = [exponential(s * velocity, centres(frame), frame.extent_mm, squarings=7).numpy() for s in (1.0, -1.0)]
    error = inverse_error_mm(Deformation(*fields), frame)
    assert np.linalg.norm(fields[0], axis=0).mean() > 3.0
    assert error.mean() < 0.1
    assert folding_share(fields[0], frame.spacing_mm) == 0.0


def test_a_fold_made_by_hand_is_counted() -> None:
    forward = np.zeros((2, 4, 9), np.float32)
    forward[1] = np.where(np.arange(9) >= 5, -12.0, 0.0)  # columns 5 to 8 jump back by three voxels of 4 mm
    determinant = jacobian_determinant(forward, (2.0, 4.0))
    assert determinant[0].tolist() == pytest.approx([1, 1, 1, 1, -0.5, -0.5, 1, 1, 1])
    assert folding_share(forward, (2.0, 4.0)) == pytest.approx(2 / 9)


def small_warp(seed: int, size: float) -> Warp:
    rng = np.random.default_rng(seed)
    template, case, working = Frame((9, 8, 7), (3.0, 2.0, 2.0)), Frame((7, 9, 10), (4.0, 2.0, 1.5)), None
    working = coarser(template, 6.0)
    fields = rng.normal(0, size, (2, 3, *working.shape)).astype(np.float32)
    return Warp(case, template, working, Affine(np.eye(3), np.array([1.0, -2.0, 0.5])), Deformation(*fields), "svf")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 4), st.sampled_from(["linear", "nearest"]))
def test_no_label_is_invented(seed: int, size: float, sampling: str) -> None:
    warp = small_warp(seed, size)
    labels = np.random.default_rng(seed).choice([0, 2, 5, 200], warp.case.shape).astype(np.uint8)
    moved = warp.warp_labels(labels, sampling=sampling)  # type: ignore[arg-type]
    assert moved.dtype == np.uint8
    assert set(np.unique(moved)) <= {0, 2, 5, 200}
    back = warp.unwarp_labels(moved, sampling=sampling)  # type: ignore[arg-type]
    assert back.shape == labels.shape
    assert set(np.unique(back)) <= {0, 2, 5, 200}


def test_outside_the_case_is_air_and_background() -> None:
    warp = dataclasses.replace(small_warp(0, 0.0), affine=Affine(np.eye(3), np.array([0.0, 9.0, 0.0])))
    image, labels = np.full(warp.case.shape, 40, np.int16), np.ones(warp.case.shape, np.uint8)
    y = (np.arange(8) + 0.5) * 2 + 9  # the case ends at 18 mm
    expected = np.broadcast_to((y <= 18)[None, :, None], warp.template.shape)
    assert np.allclose(warp.warp_image(image), np.where(expected, 40, OUTSIDE_HU), atol=1e-3)
    assert np.array_equal(warp.warp_labels(labels), expected.astype(np.uint8))


def test_slabs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warp = small_warp(3, 2.0)
    image = np.random.default_rng(1).normal(size=warp.case.shape).astype(np.float32)
    labels = (image > 0).astype(np.uint8)
    whole = warp.warp_image(image), warp.warp_labels(labels)
    monkeypatch.setattr("dataset_converters.registration.warp._SLAB_VOXELS", 60)
    assert np.allclose(warp.warp_image(image), whole[0], atol=1e-5)
    assert np.array_equal(warp.warp_labels(labels), whole[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_twice_the_same_and_there_and_back(backend: str) -> None:
    moving, fixed = chest((4.0, 3.0, -5.0), wide=1.25), chest()
    found = [registered(moving[0], fixed[0], backend=backend, seed=3) for _ in range(2)]
    first, second = (warp_of(each) for each in found)
    assert np.array_equal(first.deformation.forward, second.deformation.forward)
    assert np.array_equal(first.deformation.inverse, second.deformation.inverse)
    there = first.warp_labels(moving[1].astype(np.uint8))
    assert dice(fixed[1], there > 0) > 0.95
    assert dice(moving[1], first.unwarp_labels(there) > 0) > 0.97


def test_masks_count_only_where_asked() -> None:
    moving, fixed = chest(wide=1.2), chest()
    wrong = np.roll(moving[1], 4, axis=1)
    plain = registered(moving[0], fixed[0])
    measured = registered(moving[0], fixed[0], moving_lung=wrong, fixed_lung=fixed[1])
    driven = registered(moving[0], fixed[0], moving_lung=wrong, fixed_lung=fixed[1], driven_by_lungs=True)
    assert np.array_equal(warp_of(plain).deformation.forward, warp_of(measured).deformation.forward)
    assert not np.array_equal(warp_of(plain).deformation.forward, warp_of(driven).deformation.forward)
    assert np.isnan(plain.quality.lung_dice)
    assert driven.quality.lung_dice > measured.quality.lung_dice


def test_slices_are_registered_too() -> None:
    moving, fixed = (chest(wide=wide)[0][12] for wide in (1.2, 1.0))
    found = register(moving, fixed, moving_spacing_mm=SPACING[1:], fixed_spacing_mm=SPACING[1:])
    assert found.quality.status == "done"
    assert found.quality.air_dice > 0.93


def without_lungs() -> np.ndarray:
    return np.maximum(chest()[0], np.where(chest()[0] < -999, -1000, 0)).astype(np.float32)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros(SHAPE, np.int16), "case: one value everywhere"),
        (np.full(SHAPE, np.nan, np.float32), "case: NaN or infinite values"),
        (chest()[0][:1], "case: shape (1, 44, 42)"),
        (np.zeros((0, 44, 42), np.int16), "case: shape (0, 44, 42)"),
        (without_lungs(), "case: no air the size of a lung"),
        (chest()[0][None], "case: 4 axes"),
    ],
    ids=["constant", "nan", "one slice", "empty", "no lungs", "4-D"],
)
def test_what_cannot_be_registered_is_a_status(image: np.ndarray, reason: str) -> None:
    found = registered(image, chest()[0])
    assert found.warp is None
    assert found.quality.status == "failed"
    assert reason in found.quality.reason
    swapped = registered(chest()[0], image)
    assert reason.replace("case", "template") in swapped.quality.reason


def test_a_missed_limit_is_told_and_keeps_the_warp() -> None:
    moving, fixed = chest(wide=1.2), chest()
    found = registered(moving[0], fixed[0], moving_lung=np.roll(moving[1], 12, axis=2), fixed_lung=fixed[1])
    assert found.quality.status == "failed"
    assert found.quality.reason.startswith("lung dice")
    assert "wanted at least 0.9" in found.quality.reason
    assert found.warp is not None
    empty = registered(moving[0], fixed[0], moving_lung=np.zeros(SHAPE, bool), fixed_lung=fixed[1])
    assert empty.quality.reason == "case: empty lung mask"


def test_a_wrong_request_names_the_choices() -> None:
    image, _ = chest()
    assert backend_names() == ("demons", "elastix", "svf")
    with pytest.raises(RegistrationError, match=r"found backend 'ants'; wanted one of demons, elastix, svf"):
        registered(image, image, backend="ants")
    with pytest.raises(RegistrationError, match="found no lung masks"):
        registered(image, image, driven_by_lungs=True)


def test_an_absent_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "itk", None)
    with pytest.raises(RegistrationError, match=r"pip install 'ctshift\[elastix\]'"):
        registered(*(chest()[0],) * 2, backend="elastix")


def test_shrinking_keeps_the_mean_and_the_box() -> None:
    image = np.random.default_rng(0).integers(-1000, 400, (7, 10, 9)).astype(np.int16)
    frame = Frame(image.shape, (1.0, 0.7, 0.9))
    small = coarser(frame, 2.2)
    assert small.extent_mm == pytest.approx(frame.extent_mm)
    assert shrink(image, small).mean() == pytest.approx(image.mean(), rel=1e-5)
    assert np.prod(coarser(frame, 0.1, most_voxels=100).shape) <= 100
