"""LUNA16: values of the sides, cases that are not called by their DICOM series."""

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets.luna16 import list_cases, make_sample
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_sample(tmp_path)
    return tmp_path


def test_sides_and_trachea_get_their_labels(root: Path) -> None:
    """3 in the files is the left lung, which lies at larger x of the sample."""
    case = list_cases(root)[0]
    found = sitk.GetArrayFromImage(case.annotations["automatic"](case.images["CT"]().image))
    wanted = sitk.GetArrayFromImage(sample_chest(0).labels(left_lung=2, right_lung=1, trachea=3))
    assert np.array_equal(found, wanted)
    assert np.argwhere(found == 2)[:, 2].mean() > np.argwhere(found == 1)[:, 2].mean()


def test_cases_are_called_by_a_hash_and_know_their_subset(root: Path) -> None:
    cases = list_cases(root)
    assert all(re.fullmatch(r"luna_[0-9a-f]{10}", case.case) for case in cases)
    assert len({case.case for case in cases}) == 2
    assert [case.covariates for case in cases] == [{"subset": "subset0"}, {"subset": "subset7"}]


def test_series_without_mask_are_refused_without_their_name(root: Path) -> None:
    for path in (root / "seg-lungs-LUNA16").glob("*"):
        path.unlink()
    with pytest.raises(ConversionErrors) as caught:
        list_cases(root)
    assert len(caught.value.exceptions) == 2
    assert "1.2.826" not in str(caught.value)


def test_a_series_in_two_subsets_is_refused(root: Path) -> None:
    (root / "subset1").mkdir()
    for path in (root / "subset0").glob("*"):
        (root / "subset1" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConversionError, match="a series twice"):
        list_cases(root)
