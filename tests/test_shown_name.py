from pathlib import Path

import pytest

from dataset_converters.privacy.shown_name import shown_name, shown_names, shown_place


@pytest.mark.parametrize(
    "name",
    [
        *(
            "1-001.dcm",
            "000003.dcm",
            "00000012.dcm",
            "IM_0012",
            "IM000012",
            "IM-0001-0007-0001.dcm",
            "img12.dcm",
            "1-1.dcm",
        ),
        *("mask.nii.gz", "lung_12.nii.gz", "reader1.nii.gz", "CT.mhd", "study_0255.nii", "0012.IMA", "labels.nrrd"),
    ],
)
def test_plain_names_are_shown(name: str) -> None:
    assert shown_name(Path("Doe, Jane") / name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe_Jane.dcm", "a .dcm file"),
        ("lung_Doe.nii.gz", "a .nii.gz file"),
        ("2004-05-04.dcm", "a .dcm file"),
        ("04-05-2004.dcm", "a .dcm file"),
        ("04.05.04.dcm", "a .dcm file"),
        ("05-2004.dcm", "a .dcm file"),
        ("CT_20040504.dcm", "a .dcm file"),
        ("040504.dcm", "a .dcm file"),
        ("84371.dcm", "a .dcm file"),
        ("1.2.840.113619.2.55.dcm", "a .dcm file"),
        ("1.2.840.113619.2.55", "a file"),
        ("1.2.840", "a file"),
        ("1-001.Jane", "a file"),
        ("1.Doe.dcm", "a file"),
        ("Jane", "a file"),
        ("reader²", "a file"),
        ("٣.dcm", "a .dcm file"),
    ],
)
def test_other_names_are_not(name: str, shown: str) -> None:
    assert shown_name(Path(name)) == shown


def test_position_among_the_files_of_a_folder() -> None:
    files = [Path(name) for name in ("c_Doe.dcm", "a_Doe.dcm", "b_Doe.dcm")]
    assert shown_name(Path("b_Doe.dcm"), files) == "file 2 of 3 (sorted by name)"
    assert shown_name(Path("d_Doe.dcm"), files) == "a .dcm file"
    assert shown_name(Path("1-001.dcm"), [*files, Path("1-001.dcm")]) == "1-001.dcm"


def test_place_tells_of_which_files_and_folders() -> None:
    files = [Path(folder) / f"{name}_Doe.dcm" for folder in ("Roe", "Poe") for name in "ab"]
    assert shown_place(files[1], files) == "file 2 of 2 (sorted by name) in folder 2 of 2 (sorted by path)"
    assert shown_place(files[1], files[:2], of="of the series") == "file 2 of 2 (sorted by name) of the series"
    assert shown_place(files[0], files[:1], of="of the series") == "a .dcm file"
    assert shown_place(Path("1-001.dcm"), [Path("1-001.dcm"), Path("b")], of="of the series") == "1-001.dcm"


def test_names_of_a_folder_are_those_of_each_file() -> None:
    files = [Path("Roe") / name for name in ("c_Doe.dcm", "1-001.dcm", "a_Doe.dcm", "IM_0012", "Doe")]
    assert shown_names(files) == {path: shown_name(path, files) for path in files}
