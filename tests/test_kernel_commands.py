"""``kernel-fit`` and ``sharpness`` from the command line, on the real pair and on bad input."""

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.__main__ import main
from dataset_converters.dicom.headers import find_dicom_files, kernel_of, read_headers
from dataset_converters.kernels.kernel_file import read_kernel_file


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


def test_sharpness_of_the_real_pair(pair_folders: dict[str, Path], capsys: pytest.CaptureFixture) -> None:
    assert main(["sharpness", *(str(pair_folders[name]) for name in ("B", "L")), "--every", "8"]) == 0
    soft, sharp = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert (soft["kernel"], sharp["kernel"]) == ("B", "L")
    assert float(sharp["sharpness_lp_per_cm"]) > float(soft["sharpness_lp_per_cm"]) + 0.5


def volume(path: Path, size: int) -> str:
    values = np.random.default_rng(1).normal(0, 300, (4, size, size)).clip(-1024, 1500).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kernel-fit", "{a}", "{b}", "--out", "{out}"], "target: found size"),
        (["kernel-fit", "{a}", "{a}", "--out", "{out}"], "tiles of soft tissue"),
        (["kernel-fit", "{a}", "{a}", "--out", "{out}", "--slices", "3:9"], "wanted A:B with 0 <= A < B <= 4"),
        (["sharpness", "{a}"], "too little soft tissue"),
        (["sharpness", "{a}", "--every", "0"], "wanted 1 or more"),
        (["sharpness", "{missing}"], "CT: "),
    ],
)
def test_bad_input(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    names = {"a": volume(tmp_path / "a.nii.gz", 70), "b": volume(tmp_path / "b.nii.gz", 66)}
    names |= {"out": str(tmp_path / "pair.json"), "missing": str(tmp_path / "none.nii.gz")}
    assert main([argument.format(**names) for argument in arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "pair.json").exists()
