"""``kernel-fit`` and ``sharpness`` from the command line, on the real pair and on bad input."""

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.__main__ import main
from dataset_converters.dicom.headers import find_dicom_files, kernel_of, read_headers
from dataset_converters.kernels.ct_source import read_ct
from dataset_converters.kernels.fitted_pair import FittedPair
from dataset_converters.kernels.kernel_file import read_fitted_file, read_kernel_file, write_kernel_file
from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.kernels import KERNELS


@pytest.fixture(scope="module")
def pair_folders(lung_dx_root: Path) -> dict[str, Path]:
    folders = sorted({path.parent for path in find_dicom_files(lung_dx_root)})
    firsts = [read_headers(find_dicom_files(folder)[:1], dataset="", case="")[0] for folder in folders]
    return {kernel_of(header): folder for header, folder in zip(firsts, folders, strict=True)}


def test_fit_of_the_real_pair(pair_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out, table = tmp_path / "pair.json", tmp_path / "ratio.csv"
    given = [str(pair_folders[name]) for name in ("L", "B")]
    assert main(["kernel-fit", *given, "--out", str(out), "--slices", "0:24", "--csv", str(table)]) == 0
    assert "Philips L to Philips B, coherence above 0.9" in capsys.readouterr().out
    conversion = read_kernel_file(out)
    assert (conversion.source, conversion.target, conversion.adds_noise) == ("Philips L", "Philips B", False)
    rows = list(csv.DictReader(table.open()))
    at_3 = min(rows, key=lambda row: abs(float(row["frequency_per_mm"]) - 0.3))
    assert float(at_3["ratio"]) == pytest.approx(0.22, abs=0.03)
    assert "04-04-2007" not in out.read_text()
    pair = FittedPair("L", "B", "Philips", 0.8418)
    assert read_fitted_file(out).pair == pair
    assert main(["kernel-fit", *given, "--out", str(out), "--slices", "0:24"]) == 0  # a kernel file may be replaced
    assert read_fitted_file(out).pair == pair


def test_sharpness_of_the_real_pair(pair_folders: dict[str, Path], capsys: pytest.CaptureFixture) -> None:
    assert main(["sharpness", *(str(pair_folders[name]) for name in ("B", "L")), "--every", "8"]) == 0
    soft, sharp = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert (soft["kernel"], sharp["kernel"]) == ("B", "L")
    assert float(sharp["sharpness_lp_per_cm"]) > float(soft["sharpness_lp_per_cm"]) + 0.5


def volume(path: Path, size: int, *, seed: int = 1) -> str:
    values = np.random.default_rng(seed).normal(0, 300, (4, size, size)).clip(-1024, 1500).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kernel-fit", "{a}", "{b}", "--out", "{out}"], "target: found size"),
        (["kernel-fit", "{a}", "{c}", "--out", "{out}"], "images that share no detail"),
        (["kernel-fit", "{a}", "{a}", "--out", "{out}"], "the same image twice"),
        (["kernel-fit", "{a}", "{c}", "--out", "{out}", "--slices", "3:9"], "wanted A:B with 0 <= A < B <= 4"),
        (["kernel-fit", "{a}", "{c}", "--out", "{out}", "--slices", "-5:"], "found --slices -5:; wanted A:B"),
        (["sharpness", "{a}"], "too little soft tissue"),
        (["sharpness", "{a}", "--every", "0"], "wanted 1 or more"),
        (["sharpness", "{missing}"], "CT: "),
    ],
)
def test_bad_input(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    names = {"a": volume(tmp_path / "a.nii.gz", 70), "b": volume(tmp_path / "b.nii.gz", 66)}
    names["c"] = volume(tmp_path / "c.nii.gz", 70, seed=2)
    names |= {"out": str(tmp_path / "pair.json"), "missing": str(tmp_path / "none.nii.gz")}
    assert main([argument.format(**names) for argument in arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "pair.json").exists()


def test_fit_of_a_shifted_pair(pair_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    image = read_ct(pair_folders["B"]).image[:, :, :6]
    shifted = sitk.GetImageFromArray(np.roll(sitk.GetArrayFromImage(image), 3, axis=2))
    shifted.CopyInformation(image)
    paths = [str(tmp_path / name) for name in ("b.nii.gz", "shifted.nii.gz")]
    for path, written in zip(paths, (image, shifted), strict=True):
        sitk.WriteImage(written, path)
    assert main(["kernel-fit", *paths, "--out", str(tmp_path / "pair.json")]) == 1
    assert "lp/cm only; wanted two kernels of one acquisition, not shifted" in capsys.readouterr().err


def test_fit_replaces_nothing_but_a_kernel_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    images = [volume(tmp_path / f"{seed}.nii.gz", 70, seed=seed) for seed in (1, 2)]
    kernel_file, other, link = (tmp_path / name for name in ("kernel.json", "study.json", "link.json"))
    write_kernel_file(kernel_file, conversion_between(KERNELS["B70f"], KERNELS["B30f"]), facts={})
    other.write_text('{"format": "mine"}')
    link.symlink_to(kernel_file)
    for out, found in ((other, "no kernel file"), (tmp_path, "no kernel file"), (link, "a link")):
        assert main(["kernel-fit", *images, "--out", str(out)]) == 1
        assert found in capsys.readouterr().err
    assert main(["kernel-fit", *images, "--out", str(kernel_file)]) == 1
    assert "images that share no detail" in capsys.readouterr().err
    assert (other.read_text(), link.is_symlink()) == ('{"format": "mine"}', True)


def test_one_bad_image_leaves_the_others(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    images = [volume(tmp_path / "a.nii.gz", 70), str(tmp_path / "none.nii.gz"), volume(tmp_path / "b.nii.gz", 66)]
    assert main(["sharpness", *images]) == 1
    said = capsys.readouterr()
    assert [line.split(",")[0] for line in said.out.splitlines()[1:]] == [images[0], images[2]]
    assert "image 2: CT: found" in said.err
