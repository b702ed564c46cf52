"""``benchmarks check``: what would stop a study is named before hours are spent."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import check
from benchmarks.check import check_study as check_everything
from benchmarks.run import run_study
from benchmarks.study_file import StudyError
from dataset_converters.kernels.kernel_file import write_kernel_file
from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.kernels import KERNELS

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"


def check_study(study: Path, run: Path, *, data: Path | None, device: str) -> list[str]:
    return check_everything(study, run, data=data, device=device).findings


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the environment out: importing torch takes seconds and is tested once below."""
    monkeypatch.setattr(check, "_check_environment", lambda study, device: [])


def _sts(tmp_path: Path) -> Path:
    """Return a copy of the study to change."""
    return Path(shutil.copy(STUDIES / "sts_kernels.toml", tmp_path / "study.toml"))


def _sample(tmp_path: Path) -> Path:
    from dataset_converters.datasets import sts

    root = tmp_path / "data"
    sts.make_sample(root)
    for number in (1, 2):
        for name in ("STS_001", "STS_003"):
            shutil.copytree(root / name, root / name.replace("_0", f"_{number}"))
    return root


def test_quickstart_is_ready_here(tmp_path: Path) -> None:
    assert check_study(STUDIES / "quickstart.toml", tmp_path / "run", data=None, device="cpu") == []


def test_a_study_with_its_data_is_ready(tmp_path: Path, ready: None) -> None:
    findings = check_study(_sts(tmp_path), tmp_path / "run", data=_sample(tmp_path), device="cpu")
    assert findings == []


def test_missing_data_says_where_to_obtain_it(tmp_path: Path, ready: None) -> None:
    findings = check_study(STUDIES / "sts_kernels.toml", tmp_path / "run", data=None, device="cpu")
    assert "obtain the data" in findings[0]
    assert findings[1] == "no --data was given; give the folder that holds the source data"


def test_a_data_folder_that_is_not_there_is_named(tmp_path: Path, ready: None) -> None:
    (finding,) = check_study(STUDIES / "sts_kernels.toml", tmp_path / "run", data=tmp_path / "none", device="cpu")
    assert f"data folder {tmp_path / 'none'}: no such folder" in finding


def test_unknown_labels_and_variants_are_named(tmp_path: Path, ready: None) -> None:
    study = _sts(tmp_path)
    text = study.read_text().replace('tumour = ["tumour"]', 'tumour = ["tumor"]')
    text = text.replace('variants = ["SOFT"]', 'variants = ["LUNG"]', 1)
    study.write_text(text)
    findings = check_study(study, tmp_path / "run", data=_sample(tmp_path), device="cpu")
    assert findings == [
        "structure tumour: no dataset has a label 'tumor'",
        "variant 'LUNG': no case has it; found ['SOFT', 'STANDARD']",
    ]


def test_a_test_set_of_native_and_emulated_images_is_named(tmp_path: Path, ready: None) -> None:
    study = _sts(tmp_path)
    derived = 'derive = [{ name = "SOFTe", variant = "emulated_kernel", of = "SOFT", target = "B10f" }]'
    text = study.read_text().replace('label = "STS"', f'label = "STS"\n{derived}')
    apart = '[[test_sets]]\nname = "SOFTe"\nvariants = ["SOFTe"]\n\n[split]'
    study.write_text(text.replace("[split]", apart))
    assert check_study(study, tmp_path / "run", data=_sample(tmp_path), device="cpu") == []
    study.write_text(text.replace("[split]", apart.replace('["SOFTe"]', '["SOFT", "SOFTe"]')))
    (finding,) = check_study(study, tmp_path / "run", data=tmp_path / "data", device="cpu")
    assert finding.startswith("[test_sets.SOFTe] found images of 2 kinds: emulated (SOFTe); native (SOFT)")


def test_a_kernel_file_lies_beside_the_study_file(tmp_path: Path, ready: None) -> None:
    study, data = _sts(tmp_path), _sample(tmp_path)
    derived = 'derive = [{ name = "Se", variant = "emulated_kernel", of = "SOFT", kernel_file = "pair.json" }]'
    text = study.read_text().replace('label = "STS"', f'label = "STS"\n{derived}')
    study.write_text(text.replace("[split]", '[[test_sets]]\nname = "Se"\nvariants = ["Se"]\n\n[split]'))
    (finding,) = check_study(study, tmp_path / "run", data=data, device="cpu")
    assert "kernel_file: a .json file that is neither beside the study file nor in the source folder" in finding
    conversion = conversion_between(KERNELS["B50f"], KERNELS["B30f"])
    write_kernel_file(tmp_path / "pair.json", conversion, facts={})
    assert check_study(study, tmp_path / "run", data=data, device="cpu") == []


def test_an_excluded_case_that_is_not_there_is_named(tmp_path: Path, ready: None) -> None:
    study = _sts(tmp_path)
    study.write_text(study.read_text().replace('label = "STS"', 'label = "STS"\nexclude = { STS_999 = "typo" }'))
    (finding,) = check_study(study, tmp_path / "run", data=_sample(tmp_path), device="cpu")
    assert finding == "dataset sts: excludes ['STS_999'], which are no cases of it"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'training_reader = "manual"',
            'training_reader = "manuel"',
            "reader 'manuel': no case has it; found ['manual']",
        ),
        ("folds = 3", "folds = 9", "split: fold 6: no watching patient among 6; check roles and folds"),
    ],
)
def test_a_reader_nobody_is_and_a_split_that_cannot_be_are_named(
    tmp_path: Path, ready: None, old: str, new: str, message: str
) -> None:
    study = _sts(tmp_path)
    study.write_text(study.read_text().replace(old, new))
    assert check_study(study, tmp_path / "run", data=_sample(tmp_path), device="cpu") == [message]


def test_a_case_that_nobody_annotated_cannot_be_scored(
    tmp_path: Path, ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataset_converters.datasets import sts

    data, listed = _sample(tmp_path), sts.list_cases
    monkeypatch.setattr(
        sts,
        "list_cases",
        lambda root: [replace(case, annotations={}) if case.case == "STS_201" else case for case in listed(root)],
    )
    (finding,) = check_study(_sts(tmp_path), tmp_path / "run", data=data, device="cpu")
    assert finding.startswith("dataset sts: case STS_201: found no annotation, but arm ")


LIVER = """
name = "liver"
title = "Two copies of one collection, with its unlabelled test volumes"
dataset_id = 911
[structures]
liver = ["liver"]
[[datasets]]
name = "lits"
EXCLUDE lits
[[datasets]]
name = "msd_liver"
EXCLUDE msd_liver
[[arms]]
name = "A"
variants = ["CT"]
[[trainers]]
name = "nnUNetTrainerWeightedCE2D"
[[test_sets]]
name = "T"
variants = ["CT"]
[split]
kind = "cross_validation"
folds = 2
[budgets.cpu]
iterations = 4
iterations_per_epoch = 2
validation_iterations = 1
batch_size = 4
width = 4
patch_size = [64, 64]
spacing_mm = [6.2, 6.2]
"""
UNLABELLED = {"lits": "test_volume_0", "msd_liver": "liver_003"}


def test_unlabelled_cases_do_not_make_a_known_numbering_unknown(tmp_path: Path, ready: None) -> None:
    from dataset_converters.registry import find_dataset

    for name in UNLABELLED:
        find_dataset(name).make_sample(tmp_path / "data" / name)
    study, ready_text, text = tmp_path / "study.toml", LIVER, LIVER
    for name, case in UNLABELLED.items():
        text = text.replace(f"EXCLUDE {name}\n", "")
        ready_text = ready_text.replace(f"EXCLUDE {name}\n", f'exclude = {{ {case} = "no labels" }}\n')
    study.write_text(text)
    findings = check_study(study, tmp_path / "run", data=tmp_path / "data", device="cpu")
    assert [finding.split(", but")[0] for finding in findings] == [
        f"dataset {name}: case {case}: found no annotation" for name, case in UNLABELLED.items()
    ]
    study.write_text(ready_text)
    assert check_study(study, tmp_path / "run", data=tmp_path / "data", device="cpu") == []


def test_an_error_of_a_library_is_shown_without_its_text(
    tmp_path: Path, ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataset_converters.datasets import sts

    def fail(root: Path) -> list:
        raise KeyError("Doe^John")

    data = _sample(tmp_path)
    monkeypatch.setattr(sts, "list_cases", fail)
    (finding,) = check_study(_sts(tmp_path), tmp_path / "run", data=data, device="cpu")
    assert finding.startswith("dataset sts: sts: found KeyError (")
    assert "Doe" not in finding


def test_pixels_too_large_for_a_trainer_are_named(tmp_path: Path) -> None:
    study = _sts(tmp_path)
    text = study.read_text().replace("nnUNetTrainerWeightedCE2D", "nnUNetTrainerWeightedCE2DKernelAug")
    study.write_text(re.sub(r"spacing_mm = .*", "spacing_mm = [1.6, 1.6]", text))
    (finding,) = check_study(study, tmp_path / "run", data=_sample(tmp_path), device="cpu")
    assert finding == (
        "nnUNetTrainerWeightedCE2DKernelAug: trains at pixels of 1.6 mm; wanted at most 1; give a smaller spacing_mm"
    )


def test_an_unknown_trainer_lists_those_there_are(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    text = (STUDIES / "quickstart.toml").read_text()
    study.write_text(text.replace("nnUNetTrainerWeightedCE2D", "nnUNetTrainerWeightedCE"))
    (finding,) = check_study(study, tmp_path / "run", data=None, device="cpu")
    assert "trainer 'nnUNetTrainerWeightedCE': no such file" in finding
    assert "nnUNetTrainerWeightedCE2D" in finding


def test_a_broken_torch_pair_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PROBE", "import sys; sys.exit('operator torchvision::nms does not exist')")
    (finding,) = check_study(STUDIES / "quickstart.toml", tmp_path / "run", data=None, device="cpu")
    assert "operator torchvision::nms does not exist; found torch 2" in finding
    assert "pip install -c constraints.txt torch torchvision installs a pair that fits" in finding


def test_a_metric_that_is_not_there_is_named_before_anything_is_trained(tmp_path: Path, ready: None) -> None:
    study = tmp_path / "study.toml"
    text = (STUDIES / "quickstart.toml").read_text()
    study.write_text(text.replace("[tables]", '[scoring]\nmetrics = ["DSC", "tumour_overlap"]\n\n[tables]', 1))
    (finding,) = check_study(study, tmp_path / "run", data=None, device="cpu")
    assert finding.startswith("scoring: metric tumour_overlap needs to know lung and tumour")
    study.write_text(text.replace("[tables]", '[scoring]\nmetrics = ["DCS"]\n\n[tables]', 1))
    with pytest.raises(StudyError, match=r"study.toml: unknown metric 'DCS'; the choices are: .*DSC"):
        run_study(study, tmp_path / "run", data=None, device="cpu", cores=1)
    assert not (tmp_path / "run" / "jobs").exists()


def test_names_of_scoring_are_looked_up_in_the_data(tmp_path: Path, ready: None) -> None:
    study = tmp_path / "study.toml"
    scoring = '[scoring]\nreferences = { mass = ["mass"] }\nconsensus = ["majority"]\n\n[tables]'
    text = (STUDIES / "quickstart.toml").read_text().replace("[tables]", scoring, 1)
    text = text.replace('label = "Applied on lung kernel"', 'readers = ["majority", "reader9"]', 1)
    study.write_text(text)
    findings = check_study(study, tmp_path / "run", data=None, device="cpu")
    assert findings == [
        "structure mass: no dataset has a label 'mass'",
        "reader 'reader9': no case has it; found ['reader1', 'reader2', 'reader3']",
    ]


def test_a_gpu_that_is_not_here_is_told_unless_jobs_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "PROBE", "import sys; sys.exit(sys.argv[2] if sys.argv[1] == 'cuda' else 0)")
    study, run = STUDIES / "quickstart.toml", tmp_path / "run"
    (finding,) = check_study(study, run, data=None, device="cuda")
    assert finding == check.NO_GPU
    assert check_everything(study, run, data=None, device="cuda", on_cluster=True).findings == []
