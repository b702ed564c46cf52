"""Which files belong to an nnU-Net raw dataset, and what is wrong with the list of them."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.findings import Finding
from dataset_converters.volumes.nifti import ENDINGS

_CHANNEL = re.compile(r"(.+)_(\d{4})")


@dataclass(frozen=True)
class Listed:
    """The files of one entry: an image a channel, and the label map, None for images that nobody annotated."""

    images: tuple[Path, ...]
    label: Path | None


def listed_cases(folder: Path, content: Mapping[str, Any]) -> dict[str, Listed]:
    """Return the training cases as nnU-Net finds them, then the images listed under ``unlabelled``."""
    unlabelled = {
        case: Listed(tuple(_listed(folder, path) for path in entry["images"]), None)
        for case, entry in content.get("unlabelled", {}).items()
    }
    return {**listed_training(folder, content), **unlabelled}


def listed_training(folder: Path, content: Mapping[str, Any]) -> dict[str, Listed]:
    """Return the training cases as nnU-Net finds them: listed under ``dataset``, else from the folders.

    From the folders, a case is whatever has an image or a label; the missing file is named all the same.
    """
    if "dataset" in content:
        return {
            case: Listed(tuple(_listed(folder, path) for path in entry["images"]), _listed(folder, entry["label"]))
            for case, entry in content["dataset"].items()
        }
    ending = str(content.get("file_ending", ".nii.gz"))
    channels = len(content.get("channel_names", {})) or 1
    cases = {_CHANNEL.sub(r"\1", stem) for stem in _stems(folder / "imagesTr", ending)}
    cases |= set(_stems(folder / "labelsTr", ending))
    return {
        case: Listed(
            tuple(folder / "imagesTr" / f"{case}_{channel:04d}{ending}" for channel in range(channels)),
            folder / "labelsTr" / f"{case}{ending}",
        )
        for case in sorted(cases)
    }


def shape_fault(content: Mapping[str, Any]) -> str:
    """Return which entry of ``dataset.json`` has the wrong type, empty if none has."""
    for key in ("channel_names", "labels", "dataset", "unlabelled", "provenance"):
        if not isinstance(content.get(key, {}), dict):
            return f"a {key!r} that is no table"
    if not isinstance(content.get("file_ending", ""), str) or not isinstance(content.get("numTraining", 0), int):
        return "a file_ending that is no text, or a numTraining that is no number"
    for key, labels in (("dataset", ["label"]), ("unlabelled", [])):
        for case, entry in content.get(key, {}).items():
            images = entry.get("images") if isinstance(entry, dict) else None
            paths = [*images, *(entry.get(label) for label in labels)] if isinstance(images, list) else [None]
            if not all(isinstance(path, str) for path in paths):
                return f"an entry {case!r} in {key!r} without {' and '.join(['images', *labels])}"
    recorded = [content.get("provenance", {}).get(key, {}) for key in ("files", "linked")]
    return "" if all(isinstance(files, dict) for files in recorded) else "a 'provenance' whose files are no table"


def structure_findings(folder: Path, content: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with ``dataset.json`` itself, and with the names of the files beside it."""
    findings: list[Finding] = []

    def add(severity: str, found: str, wanted: str, action: str, case: str = "") -> None:
        findings.append(Finding(severity, folder.name, case, found, wanted, action))

    missing = [key for key in ("channel_names", "labels", "numTraining", "file_ending") if key not in content]
    if missing:
        add("error", f"dataset.json without {', '.join(missing)}", "all four keys nnU-Net needs", "complete it")
    if content.get("file_ending", ".nii.gz") not in ENDINGS:
        wanted, action = f"one of {', '.join(ENDINGS)}", "convert the files; this check cannot read them"
        add("error", f"file_ending {content['file_ending']!r}", wanted, action)
    if fault := _label_fault(content.get("labels", {})):
        add("error", fault, "background 0, consecutive whole numbers, ignore the highest", "correct the labels")
    cases = listed_training(folder, content)
    count = content.get("numTraining", len(cases))
    if count != len(cases):
        add("error", f"numTraining {count}", f"{len(cases)}, the cases there are", "correct dataset.json")
    if not cases and not content.get("unlabelled"):
        add("error", "no training case", "one at least", "convert the dataset again")
    for name, case in _strangers(folder, content):
        action = "remove it, or name it <case>_<4-digit channel> for images and <case> for labels"
        add("warning", f"{name}, which belongs to no case", "only files of cases", action, case)
    return findings


def _listed(folder: Path, path: str) -> Path:
    expanded = Path(os.path.expandvars(path))
    return expanded if expanded.is_absolute() else folder / expanded


def _stems(folder: Path, ending: str) -> list[str]:
    names = sorted(path.name for path in folder.glob(f"*{ending}")) if folder.is_dir() else []
    return [name.removesuffix(ending) for name in names if not name.startswith(".")]


def _label_fault(labels: Mapping[str, Any]) -> str:
    values: set[int] = set()
    for value in labels.values():
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, int) and not isinstance(entry, bool) for entry in entries):
            return f"labels {dict(labels)} that are no whole numbers"
        values |= set(entries)
    highest = labels.get("ignore", max(values, default=0))
    wrong = values | {0} != set(range(len(values | {0}))) or labels.get("background") != 0 or highest != max(values)
    return f"labels {dict(labels)}" if wrong else ""


def _strangers(folder: Path, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return files in the folders of images and labels that no case uses."""
    listed = listed_cases(folder, content).values()
    used = {path.resolve() for entry in listed for path in (*entry.images, *([entry.label] if entry.label else []))}
    parts = ["imagesTr", "labelsTr", "labels", *(["imagesTs"] if "unlabelled" in content else [])]
    return [
        (f"{part}/{path.name}", "")
        for part in parts
        for path in sorted((folder / part).glob("*") if (folder / part).is_dir() else [])
        if path.resolve() not in used
    ]
