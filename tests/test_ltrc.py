from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import ltrc
from dataset_converters.errors import ConversionError
from dataset_converters.registry import describe_dataset


def test_lobes_become_sides_as_the_labels_file_says(tmp_path: Path) -> None:
    ltrc.make_sample(tmp_path)
    info = describe_dataset(ltrc, tmp_path, {})
    assert info.labels == {"background": 0, "right_lung": 1, "left_lung": 2}
    assert (info.name, info.dataset_id, info.layout) == ("ltrc", 705, "unconfirmed")
    cases = ltrc.list_cases(tmp_path)
    assert [(case.patient, case.case) for case in cases] == [("P001", "P001_insp"), ("P002", "P002_insp")]
    image = cases[0].images["CT"]().image
    labels = sitk.GetArrayFromImage(cases[0].annotations["manual"](image))
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "P001" / "lobes.nii.gz")))
    assert np.array_equal(labels == 1, stored == 4)
    assert np.array_equal(labels == 2, (stored == 1) | (stored == 2))
    assert (stored == 2).any()


def test_without_a_table_nothing_is_guessed(tmp_path: Path) -> None:
    ltrc.make_sample(tmp_path)
    (tmp_path / "manifest.csv").unlink()
    for function in (ltrc.list_cases, ltrc.describe):
        with pytest.raises(ConversionError, match=r"ltrc: found a folder with .*4 .nii.gz.*wanted manifest.csv and"):
            function(tmp_path)


def test_a_lobe_value_that_the_labels_file_does_not_name_is_refused(tmp_path: Path) -> None:
    ltrc.make_sample(tmp_path)
    (tmp_path / "manifest.toml").write_text("[labels]\nright_lung = [4]\nleft_lung = [1]\n")
    case = ltrc.list_cases(tmp_path)[0]
    with pytest.raises(ConversionError, match=r"ltrc: P001_insp: found .* values 2 \(\d+ voxels\)"):
        case.annotations["manual"](case.images["CT"]().image)
