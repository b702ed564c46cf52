"""What every dataset file keeps to, tried on its own sample through its real parser."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from toy_dataset import add_module

import dataset_converters
from dataset_converters.case_checks import IDENTIFIER
from dataset_converters.check import check_nnunet_raw
from dataset_converters.facts import fact_fault
from dataset_converters.records import Case
from dataset_converters.registry import DatasetModule, dataset_names, find_dataset, list_datasets
from dataset_converters.writer import convert

NAMES = dataset_names()
UID = re.compile(r"\d+(?:\.\d+){4,}")


@dataclasses.dataclass(frozen=True)
class Sample:
    module: DatasetModule
    root: Path
    cases: Sequence[Case]
    run: Path
    folder: Path

    @property
    def annotations(self) -> Path:
        return self.run / "annotations" / self.folder.name

    def listing(self) -> dict:
        return json.loads((self.annotations / "cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=NAMES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    module = find_dataset(request.param)
    root, run = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("run")
    module.make_sample(root)
    cases = module.list_cases(root)
    return Sample(module, root, cases, run, convert(request.param, root, run))


def test_there_are_datasets_and_their_ids_differ() -> None:
    assert {"phantom", "sts"} <= set(NAMES)
    assert len(list_datasets()) == len(NAMES)


def test_description_is_complete(sample: Sample) -> None:
    info, text = sample.module.DATASET, (sample.module.__doc__ or "").lower()
    for word in ("paper", "access", "licence"):
        assert word in text or word in (sample.module.list_cases.__doc__ or "").lower(), f"docstring without {word!r}"
    for part in ("title", "paper", "access", "licence", "citation", "lung_definition"):
        assert getattr(info, part).strip(), part
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in info.labels)


def test_sample_has_cases_with_safe_names(sample: Sample) -> None:
    assert len(sample.cases) >= 2
    for case in sample.cases:
        for name in (case.patient, case.case, *case.images, *case.annotations):
            assert IDENTIFIER.fullmatch(name), name
        assert set(case.annotated_slices) <= set(case.annotations)


def test_check_finds_nothing_wrong(sample: Sample) -> None:
    findings = check_nnunet_raw(sample.folder, annotations=sample.annotations)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []


def test_every_case_is_accounted_for(sample: Sample) -> None:
    content = json.loads((sample.folder / "dataset.json").read_text(encoding="utf-8"))
    entries = sample.listing()["cases"]
    assert [entry["case"] for entry in entries] == [case.case for case in sample.cases]
    images = sorted(path.name for path in (sample.folder / "imagesTr").iterdir())
    wanted = sorted(f"{case.case}-{variant}_0000.nii.gz" for case in sample.cases for variant in case.images)
    assert images == wanted
    assert content["numTraining"] == len(wanted)
    assert content["licence"] == sample.module.DATASET.licence
    assert content["citation"] == sample.module.DATASET.citation


def test_written_voxels_are_what_the_loaders_give(sample: Sample) -> None:
    for case in sample.cases:
        for variant, load in case.images.items():
            image = load().image
            written = sitk.ReadImage(str(sample.folder / "imagesTr" / f"{case.case}-{variant}_0000.nii.gz"))
            assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(image))
            assert written.GetSpacing() == pytest.approx(image.GetSpacing(), rel=1e-5)
            assert written.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-3)
            assert written.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-5)


def test_converting_twice_gives_the_same_bytes(sample: Sample, tmp_path: Path) -> None:
    again = convert(sample.module.DATASET.name, sample.root, tmp_path)
    for part in ("nnUNet_raw", "annotations"):
        first, second = contents(sample.run / part), contents(tmp_path / part)
        assert first.keys() == second.keys()
        assert [name for name, value in first.items() if second[name] != value] == []
    assert again.name == sample.folder.name


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_that_identifies_a_person_is_written(sample: Sample) -> None:
    for entry in sample.listing()["cases"]:
        for variant in entry["variants"].values():
            assert fact_fault(variant["facts"]) is None
    for path in (*sample.run.rglob("*.json"),):
        cited = json.dumps([sample.module.DATASET.paper, sample.module.DATASET.citation])
        uids = [uid for uid in UID.findall(path.read_text(encoding="utf-8")) if uid not in cited]
        assert uids == [], path


def test_a_file_dropped_into_a_copy_is_found_converted_and_collected(tmp_path: Path) -> None:
    """One new file, no edit elsewhere: the command line and this suite pick it up."""
    package = Path(dataset_converters.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent, tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    add_module(tmp_path / package.name / "datasets", "dropped_in", dataset_id=788)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    listing = [sys.executable, "-m", "dataset_converters", "list"]
    suite = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/{Path(__file__).name}",
    ]
    for command, wanted in ((listing, "dropped_in (788)"), (suite, "test_check_finds_nothing_wrong[dropped_in]")):
        answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert wanted in answer.stdout
