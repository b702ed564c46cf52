"""Emulated kernels: laws, the phantom with a known answer, and a real pair of one acquisition."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dataset_converters.dicom.headers import find_dicom_files
from dataset_converters.dicom.series import group_dicom_series, inspect_dicom_series, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.kernel_file import read_kernel_file, write_kernel_file
from dataset_converters.physics.conversion import Conversion, conversion_between
from dataset_converters.physics.emulation import emulate_kernel, slice_noise
from dataset_converters.physics.kernel_fit import FitError, fit_conversion
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
from dataset_converters.physics.rendering import Sampling, render_slice
from dataset_converters.physics.sharpness import kernel_index, sharpness_index
from dataset_converters.physics.transfer_ratio import transfer_ratio

PIXEL_MM = (0.7, 0.7)
NAMES = sorted(KERNELS)


def pair_on_phantom(kernels: tuple[str, ...], *, slices: int = 6, noise_hu: float = 12.0) -> list[np.ndarray]:
    """Return one volume (z, 256, 256) per kernel: a body with a lung, one quantum noise for all kernels."""
    fine, step = 512, 2
    y, x = (np.mgrid[:fine, :fine] - fine / 2) * (PIXEL_MM[0] / step)
    body = (x / 75) ** 2 + (y / 60) ** 2 < 1
    lung = ((x - 38) / 20) ** 2 + (y / 30) ** 2 < 1
    object_hu = np.where(lung, -850.0, np.where(body, 40.0, -1000.0)).astype(np.float32)
    sampling = Sampling((fine, fine), (PIXEL_MM[0] / step,) * 2, (step, step))
    rng = np.random.default_rng(5)
    chosen = [KERNELS[name] for name in kernels]
    stacks = [
        render_slice(object_hu, sampling, kernels=chosen, noise_hu=noise_hu, reference=KERNELS["B30f"], rng=rng)
        for _ in range(slices)
    ]
    return [np.rint(np.stack([stack[index] for stack in stacks])).astype(np.int16) for index in range(len(kernels))]


def identity() -> Conversion:
    f = np.array([0.0, 3.0])
    return Conversion("a", "a", f, np.ones(2), np.ones(2), np.zeros(2), (0.0, 3.0), folded=True)


@given(st.integers(0, 2**31), st.sampled_from([(5, 7), (16, 16), (1, 9)]))
@settings(deadline=None, max_examples=20)
def test_gain_of_one_changes_nothing(seed: int, shape_yx: tuple[int, int]) -> None:
    volume = np.random.default_rng(seed).integers(-1024, 3072, (2, *shape_yx)).astype(np.int16)
    assert np.array_equal(emulate_kernel(volume, (0.7, 1.3), identity(), seed=seed), volume)


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in NAMES for b in NAMES])
def test_mean_and_padding_are_kept(source: str, target: str) -> None:
    conversion = conversion_between(KERNELS[source], KERNELS[target])
    assert conversion.gain[0] == pytest.approx(1.0)
    volume = np.full((1, 40, 48), -300, np.int16)
    noise = np.zeros(1)
    assert np.array_equal(emulate_kernel(volume, PIXEL_MM, conversion, seed=1, source_sd_hu=noise), volume)
    volume[0, :3] = -3024
    assert (emulate_kernel(volume, PIXEL_MM, conversion, seed=1, source_sd_hu=noise)[0, :3] == -3024).all()


def test_noise_of_a_slice_depends_on_seed_and_slice_alone() -> None:
    volume = pair_on_phantom(("B30f",), slices=5)[0]
    conversion = conversion_between(KERNELS["B30f"], KERNELS["B70f"])
    sd = np.full(5, 10.0)
    whole = emulate_kernel(volume, PIXEL_MM, conversion, seed=3, source_sd_hu=sd)
    assert np.array_equal(whole, emulate_kernel(volume, PIXEL_MM, conversion, seed=3, source_sd_hu=sd))
    assert np.array_equal(whole[:2], emulate_kernel(volume[:2], PIXEL_MM, conversion, seed=3, source_sd_hu=sd[:2]))
    assert not np.array_equal(whole, emulate_kernel(volume, PIXEL_MM, conversion, seed=4, source_sd_hu=sd))
    assert whole.min() >= -1024


@pytest.mark.parametrize(
    ("source", "target", "largest"), [("B70f", "B30f", 0.1), ("B50f", "B30f", 0.1), ("B30f", "B10f", 0.1)]
)
def test_softening_equals_the_rendered_kernel(source: str, target: str, largest: float) -> None:
    before, wanted = pair_on_phantom((source, target))
    emulated = emulate_kernel(before, PIXEL_MM, conversion_between(KERNELS[source], KERNELS[target]), seed=1)
    tissue = soft_tissue(wanted, PIXEL_MM)
    sd = [np.nanmean([noise_sd(p, t) for p, t in zip(v, tissue, strict=True)]) for v in (emulated, wanted)]
    assert sd[0] == pytest.approx(sd[1], rel=largest)
    assert rmse(emulated, wanted) < 0.34 * rmse(before, wanted)


@pytest.mark.parametrize("target", ["B50f", "B70f"])
def test_sharpening_adds_the_missing_noise(target: str) -> None:
    before, wanted = pair_on_phantom(("B30f", target))
    emulated = emulate_kernel(before, PIXEL_MM, conversion_between(KERNELS["B30f"], KERNELS[target]), seed=1)
    tissue = soft_tissue(before, PIXEL_MM)
    assert emulated[tissue].std() == pytest.approx(wanted[tissue].std(), rel=0.1)


def rmse(first: np.ndarray, second: np.ndarray) -> float:
    inside = second > -500
    return float(np.sqrt(np.mean((first[inside].astype(float) - second[inside]) ** 2)))


def test_sharpness_orders_kernels_and_repeats_itself() -> None:
    indices = []
    for volume in pair_on_phantom(tuple(NAMES), slices=8):
        found = sharpness_index(volume, PIXEL_MM)
        assert abs(sharpness_index(volume[:4], PIXEL_MM).index_lp_per_cm - found.index_lp_per_cm) < 0.15
        assert 0 < found.standard_error < 0.1
        indices.append(found.index_lp_per_cm)
    assert np.all(np.diff(indices) > 3 * 0.05)
    assert [kernel_index(name) for name in NAMES] == sorted(kernel_index(name) for name in NAMES)


def test_sharpness_without_tissue_or_with_large_pixels() -> None:
    air = sharpness_index(np.full((6, 64, 64), -1000, np.int16), PIXEL_MM)
    assert np.isnan(air.index_lp_per_cm)
    assert (air.nearest, air.slices) == ("", 0)
    with pytest.raises(ValueError, match="wanted at most 1 mm"):
        sharpness_index(np.zeros((6, 64, 64), np.int16), (1.2, 1.2))


def test_kernel_file_keeps_the_conversion(tmp_path: Path) -> None:
    conversion = conversion_between(KERNELS["B30f"], KERNELS["B70f"])
    path = tmp_path / "pair.json"
    write_kernel_file(path, conversion, facts={"slices": 3})
    again = read_kernel_file(path)
    assert again.gain == pytest.approx(conversion.gain, abs=1e-8)
    assert (again.source, again.target, again.folded) == ("B30f", "B70f", False)
    content = json.loads(path.read_text())
    damaged = [{**content, "gain": [1.0, float("nan")]}, {**content, "source_noise": content["gain"][:5]}]
    damaged.append({**content, "frequency_per_mm": content["frequency_per_mm"][::-1]})
    for text in ("{}", "no json", *(json.dumps(entry) for entry in damaged)):
        path.write_text(text)
        with pytest.raises(ConversionError, match="wanted a kernel file"):
            read_kernel_file(path)


def test_fit_refuses_what_is_no_pair() -> None:
    volume, sharp = pair_on_phantom(("B30f", "B70f"), slices=2)
    with pytest.raises(FitError, match="wanted one grid"):
        fit_conversion(volume, volume[:1], PIXEL_MM)
    with pytest.raises(FitError, match="the same image twice"):
        fit_conversion(volume, volume.copy(), PIXEL_MM)
    with pytest.raises(FitError, match="tiles of soft tissue"):
        fit_conversion(volume, sharp, PIXEL_MM)
    with pytest.raises(FitError, match=r"a target of 0\.50 times the source's contrast"):
        fit_conversion(volume, sharp // 2, PIXEL_MM)
    almost = volume.copy()
    almost[0, 128, 128] += 1
    with pytest.raises(FitError, match="two images of one kernel"):
        fit_conversion(volume, almost, PIXEL_MM)
    with pytest.raises(FitError, match=r"share detail .* only; wanted two kernels of one acquisition, not shifted"):
        fit_conversion(volume, np.roll(sharp, 3, axis=2), PIXEL_MM)


@pytest.fixture(scope="module")
def real_pair(lung_dx_root: Path) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    volumes = {}
    for headers in group_dicom_series(find_dicom_files(lung_dx_root), dataset="lung_dx", case="A0001"):
        loaded = load_dicom_series(inspect_dicom_series(headers, dataset="lung_dx", case="A0001"))
        volumes[loaded.facts["kernel"]] = sitk.GetArrayFromImage(loaded.image)
        spacing = loaded.image.GetSpacing()
    return volumes, (spacing[1], spacing[0])


def test_real_pair_within_scan(real_pair: tuple[dict[str, np.ndarray], tuple[float, float]]) -> None:
    """Fitted on the lower slices, tried on the upper ones, six slices between: within-scan calibration."""
    volumes, pixel = real_pair
    sharp, soft = volumes["L"], volumes["B"]
    fitted, ratio = fit_conversion(sharp[:29], soft[:29], pixel, names=("L", "B"))
    held_out = transfer_ratio(sharp[35:], soft[35:], pixel)
    band = (ratio.frequency_per_mm >= fitted.valid_per_mm[0]) & (ratio.frequency_per_mm <= fitted.valid_per_mm[1])
    assert fitted.valid_per_mm[1] > 0.5
    assert np.abs(held_out.ratio / ratio.ratio - 1)[band].max() < 0.1

    emulated = emulate_kernel(sharp[35:], pixel, fitted, seed=1)
    tissue = soft_tissue(soft[35:], pixel)
    sd = [np.nanmedian([noise_sd(p, t) for p, t in zip(v, tissue, strict=True)]) for v in (emulated, soft[35:])]
    assert sd[0] == pytest.approx(sd[1], rel=0.15)
    assert emulated[tissue].std() == pytest.approx(soft[35:][tissue].std(), rel=0.15)
    sigmas = [s / mm for s in (1.2,) for mm in pixel]
    blurred = ndimage.gaussian_filter(sharp[35:].astype(np.float32), (0, *sigmas))
    assert rmse(emulated, soft[35:]) < rmse(sharp[35:], soft[35:]) / 3
    assert rmse(emulated, soft[35:]) < 0.8 * rmse(blurred, soft[35:])


def test_real_pair_the_other_way(real_pair: tuple[dict[str, np.ndarray], tuple[float, float]]) -> None:
    volumes, pixel = real_pair
    sharp, soft = volumes["L"], volumes["B"]
    fitted, _ = fit_conversion(soft[:29], sharp[:29], pixel, names=("B", "L"))
    assert fitted.adds_noise
    emulated = emulate_kernel(soft[35:], pixel, fitted, seed=1, source_sd_hu=slice_noise(soft[35:], pixel, every=4))
    tissue = soft_tissue(soft[35:], pixel)
    assert emulated[tissue].std() == pytest.approx(sharp[35:][tissue].std(), rel=0.15)


def test_sharpness_tells_the_real_pair_apart(
    real_pair: tuple[dict[str, np.ndarray], tuple[float, float]],
) -> None:
    volumes, pixel = real_pair
    soft, sharp = (sharpness_index(volumes[name], pixel, every=4) for name in ("B", "L"))
    assert sharp.index_lp_per_cm - soft.index_lp_per_cm > 5 * (sharp.standard_error + soft.standard_error)
    for blurred, crisp in ((soft.lung_edge, sharp.lung_edge), (soft.skin_edge, sharp.skin_edge)):
        assert blurred.rise_mm - crisp.rise_mm > 5 * (blurred.standard_error_mm + crisp.standard_error_mm)
