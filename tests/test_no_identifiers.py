"""No name, id, date or UID of a source file reaches an output, a message, a log or a file name.

Every text element of the DICOM dictionary, private elements, comments of other formats, and file and folder names are
given markers; then the real commands run, and every byte they leave is searched. What the user names himself is not a
source: the root folder, the patient folders of ``dicom_pairs`` (pseudonyms by its documented layout), case and reader
names of a manifest.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from planted_markers import (
    FORBIDDEN,
    MARKER,
    found_markers,
    plant,
    plant_strays,
    rename_dicom_files,
    rename_folders,
    text_keywords,
)
from spoiled_samples import CONVERTED, FAILURES

from dataset_converters.registry import DatasetModule, list_datasets

REPOSITORY = Path(__file__).resolve().parents[1]
DICOM_WITH_FREE_NAMES = ("dicom_pairs", "sts", "lctsc", "lung1", "lung_dx", "nlst")
"""Datasets that find DICOM files by what they hold, not by their names."""
FREE_FOLDERS = ("lctsc", "lung1", "lung_dx")
"""Datasets that do not go by the names of the folders of studies and series, which archives make of descriptions."""
WITH_STRAYS = (
    "aeropath",
    "covid19_ct_seg",
    "covid_19_20",
    "ct_org",
    "ct_rate",
    "lits",
    "lola11",
    "luna16",
    "mosmed",
    "msd",
    "msd_liver",
    "msd_lung",
    "plethora",
    "totalsegmentator",
    "vessel12",
    "visceral",
    "ltrc",
    "manifest",
)
"""Collections of NIfTI, MetaImage and NRRD files, which go by names: others lie among them."""
LINKED = ("aeropath", "msd", "manifest")
"""Samples whose NIfTI images are also listed by their paths."""
STRICT = ("dicom_pairs", "sts", "luna16", "msd", "manifest")
"""Samples that are also converted with every warning an error, as its text may be printed."""


@pytest.fixture(scope="module", autouse=True)
def texts_of_any_form() -> Iterator[None]:
    """Let markers stand where the standard wants a code or a date."""
    settings = pydicom.config.settings
    before = settings.writing_validation_mode, settings.reading_validation_mode
    settings.writing_validation_mode = settings.reading_validation_mode = pydicom.config.IGNORE
    yield
    settings.writing_validation_mode, settings.reading_validation_mode = before


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every command on every sample and every spoiled sample; return the folder of their logs and outputs."""
    folder = tmp_path_factory.mktemp("identifiers")
    plan: list[list[list[object]]] = [
        _sample_commands(folder, module) for module in list_datasets() if module.DATASET.name != "phantom"
    ]
    for name, (dataset, spoil) in FAILURES.items():
        place = folder / "failures" / re.sub(r"\W", "_", name)
        source = place / "in"
        shutil.copytree(_planted(folder, dataset, whole_dictionary=False), source)
        spoil(source)
        plan.append(
            [
                [place / "log", "convert", dataset, source, place / "out"],
                [place / "dry.log", "convert", dataset, source, place / "out", "--dry-run"],
                [place / "survey.log", "survey", source],
            ]
        )
    _run([command for commands in plan for command in commands], folder)
    samples = {name: folder / "samples" / name for name in STRICT}
    _run(
        [[at / "strict.log", "convert", name, _planted(folder, name), at / "strict"] for name, at in samples.items()],
        folder,
        "-W",
        "error",
    )
    return folder


def _run(commands: list[list[object]], folder: Path, *options: str) -> None:
    (folder / "plan.json").write_text(json.dumps([[str(word) for word in command] for command in commands]))
    runner = Path(__file__).with_name("command_runner.py")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(folder)}
    words = [sys.executable, *options, str(runner), str(folder / "plan.json")]
    subprocess.run(words, env=environment, check=True, cwd=folder, timeout=300)


def _planted(folder: Path, name: str, *, whole_dictionary: bool = False) -> Path:
    source = folder / "planted" / ("whole" if whole_dictionary else "short") / name
    if not source.exists():
        module = next(module for module in list_datasets() if module.DATASET.name == name)
        source.mkdir(parents=True)
        module.make_sample(source)
        plant(source, whole_dictionary=whole_dictionary)
        if name in DICOM_WITH_FREE_NAMES:
            rename_dicom_files(source)
        if name in FREE_FOLDERS:
            rename_folders(source)
        if name in WITH_STRAYS:
            plant_strays(source)
    return source


def _sample_commands(folder: Path, module: DatasetModule) -> list[list[object]]:
    name = module.DATASET.name
    place = folder / "samples" / name
    source = _planted(folder, name, whole_dictionary=name in ("dicom_pairs", "sts"))
    place.mkdir(parents=True)
    raw = f"Dataset{module.DATASET.dataset_id:03d}_{name}"
    commands: list[list[object]] = [
        [place / "log", "convert", name, source, place / "out"],
        [place / "check.log", "check", place / "out/nnUNet_raw" / raw],
        [place / "show.log", "show", name],
        [place / "dry.log", "convert", name, "--in", source, "--out", place / "dry", "--dry-run"],
        [place / "survey.log", "survey", source, "--csv", place / "survey.csv"],
    ]
    if name in ("dicom_pairs", "nlst", "lung_dx"):
        commands.append([place / "pairs.log", "pairs", source, "--csv", place / "pairs.csv"])
    if name in LINKED:
        commands.append([place / "link.log", "convert", name, source, place / "linked", "--link"])
    if name == "dicom_pairs":
        commands.append([place / "workers.log", "convert", name, source, place / "workers", "--workers", "2"])
        commands[1] += ["--report", place / "report"]
    return commands


def _leaks(folder: Path, *, but: str = "in") -> list[str]:
    """Say what is found in every file below a folder, and in their names."""
    leaks = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == but:
            continue
        leaks += [f"name {name}: {text}" for text in found_markers(name.encode())]
        if path.is_file():
            leaks += [f"{name}: {text}: {_around(path, text)}" for text in found_markers(path.read_bytes())]
    return leaks


def _around(path: Path, text: str) -> str:
    content = path.read_bytes()
    at = content.lower().find(text.lower().encode())
    return repr(content[max(at - 150, 0) : at + 60])


def _code(log: Path) -> str:
    return log.read_text(errors="replace").rsplit("exit code ", 1)[-1].strip()


NAMES = [module.DATASET.name for module in list_datasets() if module.DATASET.name != "phantom"]


@pytest.mark.parametrize("name", NAMES)
def test_conversion_of_a_sample_leaks_nothing(runs: Path, name: str) -> None:
    log = runs / "samples" / name / "log"
    assert _code(log) == "0", log.read_text()[-2000:]
    assert len(list((runs / "samples" / name).rglob("*.nii.gz"))) > 0
    assert all(_code(other) in ("0", "1") for other in log.parent.glob("*.log"))
    assert {_code(log.with_name(other)) for other in ("link.log", "strict.log") if log.with_name(other).exists()} <= {
        "0"
    }
    assert _leaks(runs / "samples" / name) == []


@pytest.mark.parametrize("name", FAILURES)
def test_refusal_leaks_nothing(runs: Path, name: str) -> None:
    place = runs / "failures" / re.sub(r"\W", "_", name)
    assert _code(place / "log") == ("0" if name in CONVERTED else "1"), (place / "log").read_text()[-2000:]
    assert _leaks(place) == []


def test_nothing_else_was_written(runs: Path) -> None:
    assert {path.name for path in runs.iterdir()} == {"planted", "samples", "failures", "plan.json"}


def test_markers_are_in_the_sources_and_are_found(runs: Path) -> None:
    assert len(text_keywords()) > 1500
    file = next((runs / "planted" / "whole" / "dicom_pairs" / "P01" / "lung").iterdir())
    content = file.read_bytes()
    assert MARKER in file.name
    assert content.lower().count(MARKER.lower().encode()) > 1000
    assert {text for text in FORBIDDEN if text.encode() in content} >= {*FORBIDDEN} - {"1942-03-17", "2004-05-04"}
    masks = runs / "planted" / "whole" / "dicom_pairs" / "P01" / "annotations" / "reader1.nii.gz"
    assert MARKER in found_markers(masks.read_bytes())
    tables = [*(runs / "planted").rglob("dataset.json"), *(runs / "planted").rglob("*metadata.csv")]
    assert len(tables) == 5
    assert all(MARKER in found_markers(path.read_bytes()) for path in tables)
    assert all(any((runs / "samples" / name / "linked").rglob("dataset.json")) for name in LINKED)
    assert all(any((runs / "samples" / name / "strict").rglob("*.nii.gz")) for name in STRICT)
    assert found_markers(b"qzmark") == [MARKER]
    assert found_markers("x 1.2.826.0.1.3".encode("utf-16-le")) == ["1.2.826.0.1"]
