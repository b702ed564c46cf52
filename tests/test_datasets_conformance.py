"""What every dataset file keeps to, tried on its own sample through its real parser."""

import dataclasses
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk
from toy_dataset import add_module

import dataset_converters
from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.records import IGNORED, Case, DatasetInfo, Layout
from dataset_converters.registry import DatasetModule, dataset_names, describe_dataset, find_dataset, list_datasets
from dataset_converters.writing.case_checks import IDENTIFIER
from dataset_converters.writing.writer import convert

NAMES = dataset_names()
MADE = {"phantom"}
"""Datasets that are generated: they read no folder."""
UID = re.compile(r"\d+(?:\.\d+){4,}")
SECTIONS = ("paper", "access", "licence", "layout", "labels")
PERSON = "MUSTERMANN^ERIKA 19630402"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A dataset, its own sample, and what was made of it."""

    module: DatasetModule
    info: DatasetInfo
    root: Path
    cases: Sequence[Case]
    run: Path
    folder: Path

    @property
    def annotations(self) -> Path:
        return self.run / "annotations" / self.folder.name

    @property
    def annotated(self) -> list[Case]:
        return [case for case in self.cases if case.annotations]

    def listing(self) -> dict:
        return json.loads((self.annotations / "cases.json").read_text(encoding="utf-8"))

    def image_path(self, case: Case, variant: str) -> Path:
        part = "imagesTr" if case.annotations else "imagesTs"
        return self.folder / part / f"{case.case}-{variant}_0000.nii.gz"


@pytest.fixture(scope="module", params=NAMES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    module = find_dataset(request.param)
    root, run = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("run")
    module.make_sample(root)
    info, cases = describe_dataset(module, root, {}), module.list_cases(root)
    return Sample(module, info, root, cases, run, convert(request.param, root, run))


def test_there_are_datasets_and_their_ids_differ() -> None:
    assert {"phantom", "sts", "manifest", "msd"} <= set(NAMES)
    assert len(list_datasets()) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_description_is_complete(name: str) -> None:
    module = find_dataset(name)
    info, lines = module.DATASET, (module.__doc__ or "").lower().splitlines()
    headings = [line for line in lines if line and not line.startswith((" ", "="))]
    for word in SECTIONS:
        assert name in MADE or any(word in heading for heading in headings[1:]), f"docstring without {word!r}"
    for part in ("title", "paper", "access", "licence", "citation", "lung_definition"):
        assert getattr(info, part).strip(), part
    assert info.layout in get_args(Layout)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in info.labels)
    assert all(text.strip() for text in (*info.faults, *info.options.values()))


@pytest.mark.parametrize("name", NAMES)
def test_options_are_the_keywords_of_listing_and_description(name: str) -> None:
    module = find_dataset(name)
    for function in (module.list_cases, getattr(module, "describe", module.list_cases)):
        _, *options = inspect.signature(function).parameters.values()
        assert [option.name for option in options] == list(module.DATASET.options)
        assert all(option.default is not inspect.Parameter.empty for option in options), "an option without a default"


def test_sample_has_cases_with_safe_names(sample: Sample) -> None:
    assert len(sample.cases) >= 2
    for case in sample.cases:
        for name in (case.patient, case.case, *case.images, *case.annotations):
            assert IDENTIFIER.fullmatch(name), name
        assert set(case.annotated_slices) <= set(case.annotations)
        assert set(case.images) <= set(sample.info.variants)
        assert case.annotations or case.role == "test", "an image alone is for prediction"


@pytest.mark.parametrize("name", sorted(set(NAMES) - MADE))
def test_a_folder_of_something_else_is_refused_with_what_was_looked_for(name: str, tmp_path: Path) -> None:
    """Every collection fails loudly, and no name of a stranger's file is repeated."""
    (tmp_path / f"{PERSON}.txt").write_text(PERSON)
    with pytest.raises((ConversionError, ConversionErrors)) as caught:
        find_dataset(name).list_cases(tmp_path)
    assert str(caught.value).startswith(f"{name}: found ")
    assert "wanted" in str(caught.value)
    assert "MUSTERMANN" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(NAMES) - MADE))
def test_files_called_after_a_person_are_left_out_or_refused_without_their_name(name: str, tmp_path: Path) -> None:
    module = find_dataset(name)
    module.make_sample(tmp_path)
    for folder in [tmp_path, *sorted(path for path in tmp_path.rglob("*") if path.is_dir())]:
        for ending in (".dcm", ".nii.gz", ".mhd", ".png", ".xml", ".txt"):
            (folder / f"{PERSON}{ending}").write_bytes(b"not what the name says")
    try:
        cases = module.list_cases(tmp_path)
        texts = [repr((case.case, case.patient, case.role, dict(case.covariates))) for case in cases]
        texts += [message for case in cases for message in messages_of(case)]
    except (ConversionError, ConversionErrors) as error:
        texts = [str(error)]
    assert not any("MUSTERMANN" in text or "19630402" in text for text in texts)


def messages_of(case: Case) -> list[str]:
    """Return what its loaders raise; anything but an error that names dataset and case is a defect."""
    try:
        image = next(iter(case.images.values()))().image
        for load in case.annotations.values():
            load(image)
    except (ConversionError, ConversionErrors) as error:
        return [str(error)]
    return []


def test_check_finds_nothing_wrong(sample: Sample) -> None:
    findings = check_nnunet_raw(sample.folder, annotations=sample.annotations)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []


def test_every_case_is_accounted_for(sample: Sample) -> None:
    content = json.loads((sample.folder / "dataset.json").read_text(encoding="utf-8"))
    entries = sample.listing()["cases"]
    assert [entry["case"] for entry in entries] == [case.case for case in sample.cases]
    images = {path for part in ("imagesTr", "imagesTs") for path in (sample.folder / part).glob("*")}
    assert images == {sample.image_path(case, variant) for case in sample.cases for variant in case.images}
    for entries, annotated in ((content["dataset"], True), (content.get("unlabelled", {}), False)):
        cases = [case for case in sample.cases if bool(case.annotations) is annotated]
        assert set(entries) == {f"{case.case}-{variant}" for case in cases for variant in case.images}
    assert content["numTraining"] == len(content["dataset"])
    assert {name: value for name, value in content["labels"].items() if name != "ignore"} == sample.info.labels
    assert (content["licence"], content["citation"]) == (sample.info.licence, sample.info.citation)


def test_one_label_map_serves_all_variants_of_a_case(sample: Sample) -> None:
    content = json.loads((sample.folder / "dataset.json").read_text(encoding="utf-8"))
    for case in sample.annotated:
        labels = {content["dataset"][f"{case.case}-{variant}"]["label"] for variant in case.images}
        assert labels == {f"labels/{case.case}.nii.gz"}
    written = {path.name for path in (sample.folder / "labels").glob("*")}
    assert written == {f"{case.case}.nii.gz" for case in sample.annotated}


def test_written_voxels_are_what_the_loaders_give(sample: Sample) -> None:
    for case in sample.cases:
        for variant, load in case.images.items():
            image = load().image
            written = sitk.ReadImage(str(sample.image_path(case, variant)))
            assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(image))
            assert written.GetSpacing() == pytest.approx(image.GetSpacing(), rel=1e-5)
            assert written.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-3)
            assert written.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-5)


def test_written_masks_are_what_the_readers_drew(sample: Sample) -> None:
    """Every annotation of a sample has foreground, on its slices the loader's labels, open voxels as ``ignore``."""
    for case in sample.annotated:
        grid = next(iter(case.images.values()))().image
        for reader, load in case.annotations.items():
            drawn = sitk.GetArrayFromImage(load(grid))
            written = sitk.ReadImage(str(sample.annotations / f"{case.case}-{reader}.nii.gz"))
            mask = sitk.GetArrayFromImage(written)
            slices = list(case.annotated_slices.get(reader, range(len(drawn))))
            drawn[drawn == IGNORED] = len(sample.info.labels)
            assert np.array_equal(mask[slices], drawn[slices])
            assert np.isin(mask, range(1, len(sample.info.labels))).any(), "a sample without foreground tests nothing"


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
        cited = json.dumps([sample.info.paper, sample.info.citation])
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
