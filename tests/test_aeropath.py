"""AeroPath: lungs and airways as three labels without overlap."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets.aeropath import list_cases, make_sample
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest


def test_unions_give_lungs_and_airways_as_published(tmp_path: Path) -> None:
    make_sample(tmp_path)
    case, chest = list_cases(tmp_path)[1], sample_chest(12).turned("RAS")
    found = sitk.GetArrayFromImage(case.annotations["manual"](case.images["CT"]().image))
    lung, trachea, inside = (
        sitk.GetArrayFromImage(chest.structures[name]) > 0 for name in ("lung", "trachea", "disease")
    )
    assert np.array_equal(np.isin(found, (1, 3)), lung)
    assert np.array_equal(np.isin(found, (2, 3)), trachea | inside)
    assert np.array_equal(found == 3, inside)


def test_cases_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    make_sample(tmp_path)
    assert [case.case for case in list_cases(tmp_path / "data")] == ["aeropath_01", "aeropath_12"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    make_sample(tmp_path)
    (tmp_path / "data" / "12" / "12_CT_HR_label_airways.nii.gz").unlink()
    with pytest.raises(ConversionError, match="aeropath_12: found no file of _label_airways"):
        list_cases(tmp_path)
