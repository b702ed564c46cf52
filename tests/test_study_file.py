"""Study files: what is read, and that every mistake is an error that lists the choices."""

from pathlib import Path

import pytest

from benchmarks.study_file import StudyError, load_study

STUDIES = sorted((Path(__file__).resolve().parents[1] / "benchmarks" / "studies").glob("*.toml"))


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    text = next(path for path in STUDIES if path.stem == "quickstart").read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path = tmp_path / "study.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_loads(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    assert study.arms
    assert set(study.budgets) == {"cpu", "cuda"}


def test_shipped_studies_have_their_own_dataset_ids() -> None:
    ids = [load_study(path).dataset_id for path in STUDIES]
    assert len(set(ids)) == len(ids)


def test_defaults_that_depend_on_other_keys_are_filled() -> None:
    study = load_study(next(path for path in STUDIES if path.stem == "quickstart"))
    assert study.datasets[0].converter == "phantom"
    assert study.datasets[0].folder == "phantom"
    assert study.arms[2].recipe == "LK+MK"
    assert study.arms[2].datasets == ("phantom",)
    assert study.test_sets[2].datasets == ("phantom",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset_id", "datasetid", r"unknown key 'datasetid'; the keys here are: .*dataset_id"),
        (
            'variants = ["LK"]',
            'varients = ["LK"]',
            r"\[arms\[0\]\] unknown key 'varients'; the keys here are: .*variants",
        ),
        ("iterations = 400\n", "iterations = '400'\n", r"\[budgets.cpu.iterations\] found '400', wanted int"),
        ("iterations = 400\n", "iterations = 410\n", r"no multiple of iterations_per_epoch 50"),
        ("iterations = 400\n", "", r"key 'iterations' is missing"),
        ('kind = "roles"', 'kind = "role"', r"found 'role', wanted one of: roles, cross_validation"),
        ("dataset_id = 901", "dataset_id = 12", r"found 12, wanted 900 to 999"),
        ('name = "MK"', 'name = "LK"', r"'LK' is used 2 times"),
        ('arms = ["LK", "MK"]', 'arms = ["LK", "XK"]', r"unknown name 'XK'; the choices are: LK, LK\+MK, MK"),
        ("[budgets.cuda]", "[budgets.gpu]", r"unknown name 'gpu'; the choices are: cpu, cuda"),
        (
            'arms = ["LK", "MK"], test_sets = ["both"]',
            'arms = ["LK"], test_sets = ["both"]',
            "two arms on one test set",
        ),
        ('label = "Phantom ILD"', 'folder = "../elsewhere"', "leaves the data folder"),
        ('name = "LK"', 'name = "../LK"', "cannot be a file name"),
        ("width = 8", "width = 0", "wanted more than 0"),
        ("spacing_mm = [3.1, 3.1]", "spacing_mm = [nan, 3.1]", "wanted more than 0"),
        ("patch_size = [128, 128]", "patch_size = [100, 128]", "wanted multiples of 32"),
        ("learning_rate = 0.001", "learning_rate = 2.0", "wanted less than 1"),
        ("validation_share = 0.1", "validation_share = 1.0", "wanted between 0 and 1"),
        ("disease = [", "ignore = [", "wanted another name than"),
        ("disease = [", 'other = ["ground_glass"]\ndisease = [', "must be disjoint.*'ground_glass' is used 2 times"),
        ('name = "nnUNetTrainerWeightedCE2D"', 'name = "../../evil"', "cannot be a file name"),
        ("dataset_id = 901", "dataset_id = 901\nseeds = []", r"\[seeds\] is empty"),
        ("dataset_id = 901", "dataset_id = 901\nseeds = [-1]", r"\[seeds\] found -1"),
        ('label = "Phantom ILD"', "id = 901", r"\[datasets.id\] found 901"),
        ("title =", "title", "not a TOML file"),
    ],
)
def test_a_mistake_is_named_with_the_choices(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = _changed(tmp_path, old, new)
    with pytest.raises(StudyError, match=message) as caught:
        load_study(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        load_study(tmp_path / "none.toml")
