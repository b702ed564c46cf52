"""Images in which no kernel can be measured or emulated: an error or a stated warning from every command."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import edit
from toy_dataset import Convert, make_case

from dataset_converters.__main__ import main
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import CtImage

Change = Callable[[np.ndarray], np.ndarray]


def chest(spacing_mm: tuple[float, float, float] = (0.8, 0.8, 3.0)) -> sitk.Image:
    """A body with a lung, and noise."""
    y, x = (np.mgrid[:160, :160] - 79.5) * 0.8
    plane = np.where(((x - 25) / 18) ** 2 + (y / 25) ** 2 < 1, -850.0, np.where(np.hypot(x, y) < 58, 40.0, -1000.0))
    values = plane + np.random.default_rng(1).normal(0, 8, (6, 160, 160))
    values[:, 80, 70:74] = 400
    image = sitk.GetImageFromArray(values.astype(np.int16))
    image.SetSpacing(spacing_mm)
    return image


def changed(change: Change) -> sitk.Image:
    image = chest()
    made = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(image)))
    made.CopyInformation(image)
    return made


def metal(values: np.ndarray) -> np.ndarray:
    values[2, 60:64, 60:64] = 3071
    return values


def coronal() -> sitk.Image:
    image = chest()
    image.SetDirection((1, 0, 0, 0, 0, -1, 0, 1, 0))
    return image


def unrescaled(values: np.ndarray) -> np.ndarray:
    return (values + 1024).astype(np.uint16)


def grey_levels(values: np.ndarray) -> np.ndarray:
    return np.clip((values + 1000) / 5.6, 0, 255).astype(np.uint8)


def narrow(rows: int) -> sitk.Image:
    return chest()[:, 76 : 76 + rows, :]


REFUSED = {
    "one row": (lambda: narrow(1), "slices of 160 x 1 pixels"),
    "few rows": (lambda: narrow(31), "slices of 160 x 31 pixels"),
    "long pixels": (lambda: chest((0.06, 0.97, 3.0)), "slices of 9.6 x 155.2 mm"),
    "metres": (lambda: chest((0.0008, 0.0008, 0.003)), "pixels of 0.0008 mm"),
    "coronal": (coronal, "slices that are not axial"),
    "coarse": (lambda: chest((2.5, 2.5, 3.0)), "pixels of 2.5 mm"),
    "grey levels": (lambda: changed(grey_levels), "values from 0 to 250, which are no HU"),
    "unrescaled": (lambda: changed(unrescaled), "which are no HU"),
}
WARNED = {
    "metal": (lambda: changed(metal), "metal", "16 voxels clipped in metal (3071 HU)"),
    "lost spacing": (lambda: chest((1.0, 1.0, 1.0)), "spacing", "1 x 1 x 1 mm"),
    "clipped high": (lambda: changed(lambda v: np.clip(v * 1.0, -1024, 45)), "values clipped", "highest value, 45 HU"),
    "clipped air": (lambda: changed(lambda v: np.clip(v, -850, None)), "air clipped", "of the body clipped at -850 HU"),
}


def written(image: sitk.Image, folder: Path) -> str:
    sitk.WriteImage(image, str(folder / "image.nii.gz"))
    return str(folder / "image.nii.gz")


@pytest.mark.parametrize("case", REFUSED)
def test_both_commands_and_the_variant_refuse(
    case: str, run_with: Convert, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make, found = REFUSED[case]
    path = written(make(), tmp_path)
    for command in (["sharpness", path], ["kernel-fit", path, path, "--out", str(tmp_path / "pair.json")]):
        assert main(command) == 1
        assert found in capsys.readouterr().err
    with pytest.raises(ConversionError, match=f"P1: .*{found}"):
        convert_emulated(run_with, make())
    assert not (tmp_path / "pair.json").exists()


def convert_emulated(run_with: Convert, image: sitk.Image) -> Path:
    load = lambda: CtImage(sitk.Cast(image, sitk.sitkInt16), {"kernel": "B70f", "manufacturer": "SIEMENS"})  # noqa: E731
    entry = {"name": "MKe", "variant": "emulated_kernel", "of": "LK", "target": "B30f"}
    return run_with(make_case("P1", images={"LK": load}, annotations={}, role="test"), derive=[entry])


@pytest.mark.parametrize("case", WARNED)
def test_sharpness_warns(case: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    make, name, found = WARNED[case]
    assert main(["sharpness", written(make(), tmp_path)]) == 0
    said = capsys.readouterr()
    assert f"image 1: warning: {name}: " in said.err
    assert found in said.err
    assert len(said.out.splitlines()) == 2


@pytest.mark.parametrize("case", ["metal", "lost spacing"])
def test_the_variant_records_what_it_doubts(case: str, run_with: Convert, tmp_path: Path) -> None:
    make, name, found = WARNED[case]
    convert_emulated(run_with, make())
    listing = (tmp_path / "run" / "annotations" / "Dataset790_toy" / "cases.json").read_text()
    assert f'"doubt_{name}"' in listing
    assert found in listing


def test_a_window_has_cut_the_values_off(run_with: Convert, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Noise in soft tissue can still be measured; what passed the kernel in air and bone cannot."""
    image = changed(lambda values: np.clip(values, -160, 240))
    path = written(image, tmp_path)
    assert main(["sharpness", path]) == 0
    assert "warning: values from -160 to 240; wanted HU that were not cut off" in capsys.readouterr().err
    assert main(["kernel-fit", path, path, "--out", str(tmp_path / "pair.json")]) == 1
    assert "source: found values from -160 to 240" in capsys.readouterr().err
    with pytest.raises(ConversionError, match=r"P1: .*values from -160 to 240"):
        convert_emulated(run_with, image)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"PixelSpacing": None}, "without PixelSpacing"),
        ({"PixelSpacing": [0, 0]}, "pixel spacing 0 mm"),
        ({"PixelSpacing": ""}, "without PixelSpacing"),
        ({"RescaleIntercept": None}, "without RescaleIntercept"),
        ({"RescaleType": "OD"}, "a unit other than HU"),
    ],
)
def test_dicom_without_spacing_or_unit(values: dict, found: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    files = write_ct_series(tmp_path / "ct", chest()[:, :, :3], kernel="B70f", manufacturer="SIEMENS").files
    for file in files:
        edit(file, **values)
    for command in (["sharpness"], ["kernel-fit", str(tmp_path / "ct"), "--out", str(tmp_path / "pair.json")]):
        assert main([*command, str(tmp_path / "ct")]) == 1
        assert found in capsys.readouterr().err


@pytest.mark.parametrize("zoom", [0.0, float("nan")])
def test_nifti_without_spacing(zoom: float, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    content = bytearray(gzip.decompress(Path(written(chest(), tmp_path)).read_bytes()))
    for place in (80, 280):  # pixdim[1], srow_x[0]
        content[place : place + 4] = struct.pack("<f", zoom)
    raw = tmp_path / "image.nii"
    raw.write_bytes(content)
    assert main(["sharpness", str(raw)]) == 1
    assert "pixdim that put voxels up to" in capsys.readouterr().err
