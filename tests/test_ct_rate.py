import csv
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import ct_rate
from dataset_converters.errors import ConversionError
from dataset_converters.sources.ct_rate_table import RateRow


@pytest.fixture
def root(tmp_path: Path) -> Path:
    ct_rate.make_sample(tmp_path)
    return tmp_path


def _edit(table: Path, volume: str, **values: object) -> None:
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if row["VolumeName"] == f"{volume}.nii.gz":
            row.update({name: str(value) for name, value in values.items()})
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _tables(root: Path) -> tuple[Path, Path]:
    return root / "metadata" / "train_metadata.csv", root / "metadata" / "validation_metadata.csv"


def test_reconstructions_on_one_grid_are_variants_others_are_cases(root: Path) -> None:
    cases = ct_rate.list_cases(root)
    assert [(c.patient, c.case, list(c.images), c.role, dict(c.annotations)) for c in cases] == [
        ("train_1", "train_1_a_1", ["LK", "MK"], "test", {}),
        ("valid_2", "valid_2_b_1", ["LK"], "test", {}),
        ("valid_2", "valid_2_b_2", ["MK"], "test", {}),
    ]
    assert cases[0].images["LK"]().facts["kernel"] == "Br60f\\3"


def test_blank_header_gets_place_and_scale_from_the_table(root: Path) -> None:
    """Stored values are HU + 1024; the same chest as the sample's, voxel by voxel and in the same place."""
    case = ct_rate.list_cases(root)[1]
    read = case.images["LK"]().image
    truth = ct_rate.sample_chest(2, noise_hu=60.0).image
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(truth))
    assert read.GetSpacing() == pytest.approx((14.0, 12.5, 22.0))
    assert read.GetOrigin() == pytest.approx(truth.GetOrigin())
    _edit(_tables(root)[1], "valid_2_b_1", RescaleSlope=2, RescaleIntercept=-0.5, XYSpacing="[7.0, 7.0]")
    read = ct_rate.list_cases(root)[1].images["LK"]().image
    assert read.GetSpacing()[:2] == pytest.approx((7.0, 7.0))
    wanted = (sitk.GetArrayFromImage(truth).astype(np.float32) + 1024) * 2 - 0.5
    assert np.array_equal(sitk.GetArrayFromImage(read), wanted)


def test_corrected_volume_replaces_the_blank_one_and_must_agree_with_the_table(root: Path) -> None:
    folder = root / "train_fixed" / "train_1"
    shutil.copytree(folder, root / "train" / "train_1")
    case = ct_rate.list_cases(root)[0]
    assert case.images["LK"]().source == folder / "train_1_a" / "train_1_a_1.nii.gz"
    for volume in ("train_1_a_1", "train_1_a_2"):
        _edit(_tables(root)[0], volume, ZSpacing=2.0)
    case = ct_rate.list_cases(root)[0]
    with pytest.raises(
        ConversionError, match=r"train_1_a: found train_1_a_1\.nii\.gz of size 24 x 20 x 12.*as the meta"
    ):
        case.images["LK"]()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"VolumeName": "other.nii.gz"}, r"train_1_a_1\.nii\.gz without a line in the metadata table"),
        ({"XYSpacing": ""}, "without complete geometry and scale"),
        ({"XYSpacing": "__import__('os')"}, "without complete geometry and scale"),
        ({"ZSpacing": "nan"}, "without complete geometry and scale"),
        ({"NumberofSlices": "inf"}, "without complete geometry and scale"),
        ({"RescaleSlope": "0"}, "without complete geometry and scale"),
        ({"ImageOrientationPatient": "[1, 0, 0, 1, 0, 0]"}, "without complete geometry and scale"),
    ],
)
def test_faulty_line_is_refused_and_the_other_scans_stay(root: Path, values: dict, message: str) -> None:
    _edit(_tables(root)[0], "train_1_a_1", **values)
    with pytest.raises(ConversionError, match=f"train_1_a: found .*{message}|{message}") as caught:
        ct_rate.list_cases(root)
    assert [case.case for case in caught.value.readable] == ["valid_2_b_1", "valid_2_b_2"]


def test_volume_that_does_not_fit_its_line_is_refused(root: Path) -> None:
    path = root / "valid" / "valid_2" / "valid_2_b" / "valid_2_b_1.nii.gz"
    nib.save(nib.Nifti1Image(np.full((24, 20, 12), 0.5, np.float32), None), path)
    with pytest.raises(ConversionError, match="scaled already"):
        ct_rate.list_cases(root)[1].images["LK"]()
    nib.save(nib.Nifti1Image(np.zeros((24, 20, 11), np.int16), None), path)
    with pytest.raises(ConversionError, match="size 24 x 20 x 11; wanted 24 x 20 x 12"):
        ct_rate.list_cases(root)[1].images["LK"]()
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ConversionError, match="valid_2_b_1"):
        ct_rate.list_cases(root)[1].images["LK"]()


def test_missing_parts_say_how_to_obtain_the_data(root: Path) -> None:
    shutil.rmtree(root / "metadata")
    with pytest.raises(ConversionError, match=r"no metadata table.*gated, own account"):
        ct_rate.list_cases(root)
    with pytest.raises(ConversionError, match="no volume"):
        ct_rate.list_cases(root / "metadata")
    (root / "train_metadata.csv").write_text("VolumeName,Manufacturer\n")
    with pytest.raises(ConversionError, match=r"train_metadata\.csv without ConvolutionKernel, XYSpacing"):
        ct_rate.list_cases(root)


@pytest.mark.parametrize(
    ("written", "kernel"),
    [("YA", "YA"), ("['Br60f', '3']", "Br60f\\3"), ('["I50f", "2"]', "I50f\\2"), ("B30f\\2", "B30f\\2"), ("", "")],
)
def test_kernel_as_the_table_writes_it(written: str, kernel: str) -> None:
    assert RateRow({"ConvolutionKernel": written}).kernel == kernel
