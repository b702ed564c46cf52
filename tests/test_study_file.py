"""Study files: what is read, and that every mistake is an error that lists the choices."""

from pathlib import Path

import pytest

from benchmarks.matrix import list_models
from benchmarks.patients import Fold
from benchmarks.study import Scoring
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


def test_mirroring_is_off_unless_asked_for_and_reaches_the_models(tmp_path: Path) -> None:
    plain = load_study(_changed(tmp_path, "[split]", "[split]"))
    mirrored = load_study(_changed(tmp_path, "[split]", "[prediction]\nmirroring = true\n\n[split]"))
    fold = (Fold(training=(), watching=(), testing=()),)
    assert not any("mirroring" in model for model in list_models(plain, fold, {}))
    assert all(model["mirroring"] is True for model in list_models(mirrored, fold, {}))


def test_minutes_between_checkpoints_are_the_studys(tmp_path: Path) -> None:
    study = load_study(_changed(tmp_path, "learning_rate = 0.001", "learning_rate = 0.001\ncheckpoint_minutes = 10"))
    assert study.budgets["cpu"].checkpoint_minutes == 10.0
    assert study.budgets["cuda"].checkpoint_minutes is None


def test_a_learning_rate_that_is_not_named_is_each_trainers_own(tmp_path: Path) -> None:
    named = load_study(_changed(tmp_path, "learning_rate = 0.001", "learning_rate = 0.002"))
    silent = load_study(_changed(tmp_path, "learning_rate = 0.001\n", ""))
    assert {budget.learning_rate for budget in named.budgets.values()} == {0.002, None}
    assert {budget.learning_rate for budget in silent.budgets.values()} == {None}


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
        ("learning_rate = 0.001", "checkpoint_minutes = -1", "wanted more than 0"),
        ("learning_rate = 0.001", "learning_rate = 0.001\ngpus = 2", "wanted 1: only GPUs share a training"),
        ("batch_size = 16", "batch_size = 16\ngpus = 17", "found 17, wanted 1 to batch_size 16"),
        ("batch_size = 16", "batch_size = 16\ngpus = 0", "wanted more than 0"),
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


SECTION = """[scoring]
unions = { lung = ["disease"] }
averages = { both = ["disease"] }
references = { tumour = ["tumour"] }
lung = "lung"
slices = ["reader", "lung"]
own_variant = "MK"

[tables.standardisation]
structure = "disease"
protocols = [{ name = "LK", original = "LK", standardised = "MK" }]

[tables.cohorts]
cohorts = [{ name = "all", datasets = ["phantom"] }]
external = [{ name = "more", datasets = ["phantom"] }]
external_against = "all"
characteristics = [{ covariate = "sex", kind = "count", values = ["female"] }]

[[tables.pools]]
name = "every"
test_sets = ["LK", "MK"]

[tables]
floor = 0.4
structures = ["disease", "both"]
"""


def _with_section(tmp_path: Path, old: str, new: str) -> Path:
    text = next(path for path in STUDIES if path.stem == "quickstart").read_text(encoding="utf-8")
    assert SECTION.count(old) >= 1
    path = tmp_path / "study.toml"
    path.write_text(text.replace("[tables]\n", SECTION.replace(old, new, 1), 1), encoding="utf-8")
    return path


def test_scoring_and_tables_are_read_and_labelled(tmp_path: Path) -> None:
    study = load_study(_with_section(tmp_path, "[scoring]", "[scoring]"))
    assert study.scoring.unions == {"lung": ("disease",)}
    assert study.scoring.metrics == Scoring().metrics
    assert study.tables.pools[0].label == "every"
    assert study.tables.cohorts.external[0].label == "more"
    assert study.tables.cohorts.characteristics[0].label == "sex"
    assert study.tables.standardisation.protocols[0].label == "LK"
    assert study.scoring.made_readers() == ("own-MK",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'lung = ["disease"]',
            'lung = ["liver"]',
            r"scoring.unions.lung\] unknown name 'liver'; the choices are: disease",
        ),
        ('lung = ["disease"]', 'disease = ["disease"]', "own\\] 'disease' is used 2 times"),
        ('lung = ["disease"]', "lung = []", r"scoring.unions.lung\] is empty"),
        ('lung = ["disease"]', 'ignore = ["disease"]', "wanted another name than"),
        ('both = ["disease"]', 'both = ["tumour"]', "unknown name 'tumour'; the choices are: disease, lung"),
        (
            'lung = "lung"',
            'lung = "lungs"',
            r"scoring.lung\] unknown name 'lungs'; the choices are: disease, lung, tumour",
        ),
        ('lung = "lung"', "", r"'lung' needs \[scoring\] lung"),
        ('["reader", "lung"]', '["lung"]', r"test_sets.LK.slices\] found 'reader', wanted one of .*: lung"),
        ('["reader", "lung"]', '["reader", "reader"]', "'reader' is used 2 times"),
        ('["reader", "lung"]', '["reader", "some"]', "wanted one of: reader, all, lung"),
        ('own_variant = "MK"', 'own_variant = "XK"', "unknown name 'XK'; the choices are: LK, MK"),
        ('own_variant = "MK"', "nsd_tolerance_mm = 0", r"nsd_tolerance_mm\] found 0.0, wanted more than 0"),
        ('own_variant = "MK"', "", r"tables.standardisation\] needs \[scoring\] own_variant"),
        ('own_variant = "MK"', "metrics = []", r"scoring.metrics\] is empty"),
        ('own_variant = "MK"', 'backend = "monai"', "wanted one of: ctshift, surface-distance"),
        (
            'structure = "disease"',
            'structure = "tumour"',
            "unknown name 'tumour'; the choices are: disease, lung, both",
        ),
        ('standardised = "MK"', 'standardised = "SK"', r"protocols.LK.standardised\] unknown name 'SK'"),
        ('datasets = ["phantom"]', 'datasets = ["real"]', r"cohorts.all.datasets\] unknown name 'real'"),
        ('external_against = "all"', 'external_against = "none"', "unknown name 'none'; the choices are: all"),
        ('external_against = "all"', "", "unknown name ''; the choices are: all"),
        ('kind = "count", ', "", "sex: kind 'quantity' with values"),
        ('name = "more"', 'name = "all"', "'all' is used 2 times"),
        ('test_sets = ["LK", "MK"]', 'test_sets = ["LK", "XK"]', r"pools.every.test_sets\] unknown name 'XK'"),
        ('test_sets = ["LK", "MK"]', "test_sets = []", "is empty"),
        ("floor = 0.4", "floor = 40", r"tables.floor\] found 40.0, wanted 0 to 1"),
        ('["disease", "both"]', '["tumour"]', "unknown name 'tumour'; the choices are: disease, lung, both"),
    ],
)
def test_a_mistake_in_scoring_or_tables_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(_with_section(tmp_path, old, new))


def test_a_pool_of_test_sets_on_different_slices_is_refused(tmp_path: Path) -> None:
    path = _with_section(tmp_path, "[scoring]", "[scoring]")
    text = path.read_text().replace('label = "Applied on lung kernel"', 'slices = "lung"', 1)
    path.write_text(text)
    with pytest.raises(StudyError, match=r"are scored on different slices \(lung, reader\)"):
        load_study(path)


def test_a_cohort_on_a_variant_that_nobody_is_tested_on_is_refused(tmp_path: Path) -> None:
    text = next(path for path in STUDIES if path.stem == "ssc_phantom").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace('variant = "SK"', 'variant = "CT"'), encoding="utf-8")
    with pytest.raises(StudyError, match=r"cohorts.external.variant\] unknown name 'CT'; the choices are: LK, MK, SK"):
        load_study(tmp_path / "study.toml")
