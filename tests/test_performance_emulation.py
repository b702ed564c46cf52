"""``benchmarks.performance emulation`` measures one pair and no other."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks.performance.emulation import PairError, main, read_pair
from dataset_converters.dicom.sample import write_ct_series


def series(folder: Path, kernel: str, *, columns: int = 8) -> None:
    values = np.random.default_rng(1).normal(-400, 300, (3, 9, columns)).clip(-1024, 1500).astype(np.int16)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((0.8, 0.8, 3.0))
    write_ct_series(folder, image, kernel=kernel, manufacturer="Philips")


def test_a_pair_is_read(tmp_path: Path) -> None:
    series(tmp_path / "1", "L")
    series(tmp_path / "2", "B")
    volumes, pixel = read_pair(tmp_path)
    assert {name: volume.shape for name, volume in volumes.items()} == {"L": (3, 9, 8), "B": (3, 9, 8)}
    assert pixel == (0.8, 0.8)


@pytest.mark.parametrize(
    ("kernels", "columns", "found"),
    [
        (["L"], [8], "found 1 series; wanted two, kernels L and B"),
        (["L", "B", "B"], [8, 8, 8], "found 3 series"),
        (["L", "YA"], [8, 8], "wanted L and B"),
        (["L", "B"], [8, 7], "wanted one grid"),
    ],
)
def test_another_folder_is_refused(
    kernels: list[str], columns: list[int], found: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for number, (kernel, width) in enumerate(zip(kernels, columns, strict=True)):
        series(tmp_path / "pair" / str(number), kernel, columns=width)
    with pytest.raises(PairError, match=found):
        read_pair(tmp_path / "pair")
    with pytest.raises(SystemExit):
        main(["--pair", str(tmp_path / "pair"), "--out", str(tmp_path / "out")])
    assert found in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
