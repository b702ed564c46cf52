"""The input check nnU-Net lacks: truncated files, NaN, grids, labels, empty masks, HU, missing and extra files.

``--verify_dataset_integrity`` passes a truncated image (the missing part becomes 0 HU), NaN, an empty mask and a
shifted label. Every file is read once, to its last byte.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dataset_converters.checking.hu_limits import range_fault
from dataset_converters.checking.listed_files import Listed, listed_cases, shape_fault, structure_findings
from dataset_converters.findings import Finding
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.grid import Grid, grid_difference, grid_fault
from dataset_converters.volumes.nifti import UnreadableNiftiError, Volume, label_counts, read_nifti

DENSEST_HU = 32767
_REPAIR = "restore it from its source, or convert the dataset again"


@dataclass
class _State:
    """What has been seen of a dataset so far."""

    dataset: str
    folders: tuple[Path, ...]
    findings: list[Finding] = field(default_factory=list)
    grids: dict[Path, Grid] = field(default_factory=dict)
    hashes: dict[Path, str] = field(default_factory=dict)
    labels: set[Path] = field(default_factory=set)
    empty: list[str] = field(default_factory=list)
    labelled: int = 0

    def add(self, severity: str, case: str, found: str, wanted: str, action: str) -> None:
        self.findings.append(Finding(severity, self.dataset, case, found, wanted, action))

    def shown(self, path: Path) -> str:
        """Return a file's name; one outside the checked folders may be called after a person."""
        inside = any(path.absolute().is_relative_to(folder.absolute()) for folder in self.folders)
        return path.name if inside else shown_name(path)


def check_nnunet_raw(dataset_folder: Path | str, *, annotations: Path | str | None = None) -> list[Finding]:
    """Return everything wrong or doubtful in an nnU-Net raw dataset; an empty list is a clean one.

    Works on any CT dataset of NIfTI files in nnU-Net's layout, also one whose ``dataset.json`` lists its files
    (key ``dataset``, paths absolute or relative to the folder; images alone under ``unlabelled``). Patients in several
    splits are not looked for: nnU-Net's format does not know patients.

    Parameters
    ----------
    dataset_folder : Path
        ``nnUNet_raw/Dataset...``.
    annotations : Path, optional
        Folder of the readers' masks with its ``cases.json``; paths in it are relative to its grandparent.

    Returns
    -------
    list of Finding
        Errors make training wrong or impossible; warnings deserve a look.
    """
    folder = Path(dataset_folder)
    state = _State(folder.name, (folder, *([Path(annotations)] if annotations is not None else [])))
    content = _json(state, folder / "dataset.json")
    if content is not None and (fault := shape_fault(content)):
        state.add("error", "", f"dataset.json with {fault}", "what nnU-Net's format says", "convert the dataset again")
    elif content is not None:
        state.findings += structure_findings(folder, content)
        allowed, ignore = _label_values(content)
        for case, files in listed_cases(folder, content).items():
            _check_case(state, case, files, content, allowed, ignore)
        _report_empty(state)
        _check_hashes(state, folder, content)
    if annotations is not None:
        _check_annotations(state, Path(annotations))
    return state.findings


def _json(state: _State, path: Path) -> dict[str, Any] | None:
    action = "convert the dataset again; the file is written last"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        state.add("error", "", f"no {path.name} in {path.parent}", "the file that marks a whole dataset", action)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        state.add("error", "", f"{path.name} that is no JSON ({type(error).__name__})", "a JSON file", action)
    else:
        if isinstance(content, dict):
            return content
        state.add("error", "", f"{path.name} that holds no table", "a JSON table", action)
    return None


def _label_values(content: Mapping[str, Any]) -> tuple[set[int], int | None]:
    """Return the label values ``dataset.json`` allows (regions list several each), and the ignore label."""
    labels = content.get("labels", {})
    entries = [value if isinstance(value, list) else [value] for value in labels.values()]
    allowed = {value for values in entries for value in values if isinstance(value, int)}
    return allowed | {0}, labels.get("ignore")


def _check_case(
    state: _State, case: str, files: Listed, content: Mapping[str, Any], allowed: set[int], ignore: int | None
) -> None:
    channels = content.get("channel_names", {})
    reference = None
    for index, path in enumerate(files.images):
        volume = _read(state, case, path)
        if volume is None:
            continue
        _check_grid(state, case, path, volume, reference)
        reference = reference or volume.grid
        _check_image(state, case, path, volume.voxels_zyx, is_ct=str(channels.get(str(index), "")).upper() == "CT")
    if files.label is None:
        return
    if files.label.resolve() in state.labels:
        _check_same_grid(state, case, files.label, state.grids.get(files.label.resolve()), reference)
        return
    state.labels.add(files.label.resolve())
    label = _read(state, case, files.label)
    if label is not None:
        _check_grid(state, case, files.label, label, reference)
        _check_label(state, case, files.label, label.voxels_zyx, allowed, ignore)


def _read(state: _State, case: str, path: Path) -> Volume | None:
    """Read a file and note its grid and hash; a fault becomes a finding."""
    try:
        volume = read_nifti(path)
    except UnreadableNiftiError as error:
        state.add("error", case, f"{state.shown(path)}: {error.found}", error.wanted, _REPAIR)
        return None
    except OSError as error:
        state.add(
            "error", case, f"{state.shown(path)}: {error.strerror or type(error).__name__}", "a readable file", _REPAIR
        )
        return None
    state.grids[path.resolve()] = volume.grid
    state.hashes[path.resolve()] = volume.sha256
    return volume


def _check_grid(state: _State, case: str, path: Path, volume: Volume, reference: Grid | None) -> None:
    if fault := grid_fault(volume.grid):
        action = "write it again with an orthonormal, right-handed orientation"
        state.add("error", case, f"{state.shown(path)}: {fault[0]}", fault[1], action)
    for doubt in volume.doubts:
        action = "write the header again; programs disagree on which of the two they use"
        state.add("warning", case, f"{state.shown(path)}: {doubt}", "one geometry in the header", action)
    _check_same_grid(state, case, path, volume.grid, reference)


def _check_same_grid(state: _State, case: str, path: Path, grid: Grid | None, reference: Grid | None) -> None:
    if reference is not None and grid is not None and (difference := grid_difference(reference, grid)):
        action = "resample it to the image, or correct the header that is wrong"
        state.add("error", case, f"{state.shown(path)}: {difference[0]}", f"the image's grid: {difference[1]}", action)


def _check_image(state: _State, case: str, path: Path, voxels_zyx: np.ndarray, *, is_ct: bool) -> None:
    if voxels_zyx.dtype.kind == "f":
        bad = int(voxels_zyx.size - np.isfinite(voxels_zyx).sum())
        if bad:
            state.add("error", case, f"{state.shown(path)}: {bad} voxels of NaN or infinity", "finite values", _REPAIR)
            return
    lowest, highest = float(voxels_zyx.min()), float(voxels_zyx.max())
    if lowest == highest:
        state.add("error", case, f"{state.shown(path)}: every voxel is {lowest:g}", "an image with contrast", _REPAIR)
    elif is_ct and ((fault := range_fault(lowest, highest)) or highest > DENSEST_HU):
        action = "check that rescale slope and intercept were applied and the image was not windowed"
        wanted = fault[1] if fault else f"HU of at most {DENSEST_HU}"
        state.add("warning", case, f"{state.shown(path)}: values from {lowest:g} to {highest:g}", wanted, action)


def _check_label(
    state: _State, case: str, path: Path, voxels_zyx: np.ndarray, allowed: set[int], ignore: int | None
) -> None:
    values = _distinct(voxels_zyx)
    unknown = [value for value in values if not np.isfinite(value) or value not in allowed]
    if unknown:
        shown = ", ".join(f"{value:g} ({_count(voxels_zyx, value)} voxels)" for value in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        wanted = f"values {sorted(allowed)} of dataset.json"
        state.add(
            "error", case, f"{state.shown(path)}: labels {shown}{more}", wanted, "map the labels, or declare them"
        )
    state.labelled += 1
    if not set(values) - {0.0, ignore}:
        state.empty.append(case)


def _distinct(voxels: np.ndarray) -> list[float]:
    if voxels.dtype == np.uint8:
        return [float(value) for value in np.flatnonzero(label_counts(voxels))]
    return [float(value) for value in np.unique(voxels)]


def _count(voxels: np.ndarray, value: float) -> int:
    return int(np.isnan(voxels).sum() if np.isnan(value) else (voxels == value).sum())


def _report_empty(state: _State) -> None:
    if state.empty and len(state.empty) == state.labelled:
        action = "check the label map of the source; nnU-Net fails on it with an IndexError"
        state.add("error", "", f"no foreground in any of {state.labelled} label files", "some foreground", action)
        return
    for case in state.empty:
        action = "keep it if the patient is healthy, exclude it if the annotation is missing"
        state.add("warning", case, "no foreground voxel in its label file", "an annotated structure", action)


def _check_hashes(state: _State, folder: Path, content: Mapping[str, Any]) -> None:
    """Compare files with the hashes their converter recorded, where it did."""
    provenance = content.get("provenance", {})
    for severity, recorded in (("warning", provenance.get("files", {})), ("error", provenance.get("linked", {}))):
        for name, wanted in recorded.items():
            actual = state.hashes.get((folder / name).resolve())
            if actual is None or actual == wanted:
                continue
            shown = name if severity == "warning" else f"linked image {state.shown(folder / name)}"
            action = "convert again if this was not meant" if severity == "warning" else "restore it, or convert again"
            state.add(severity, "", f"{shown} with SHA-256 {actual[:12]}...", f"{wanted[:12]}... as converted", action)


def _check_annotations(state: _State, folder: Path) -> None:
    content = _json(state, folder / "cases.json")
    if content is None:
        return
    run = folder.resolve().parents[1]
    try:
        allowed = set(content["labels"].values())
        for entry in content["cases"]:
            grids = [state.grids.get((run / variant["image"]).resolve()) for variant in entry["variants"].values()]
            reference = next((grid for grid in grids if grid is not None), None)
            for path, reader in _reader_files(run, entry):
                ignored = {reader["ignore_value"]} if reader.get("ignored_voxels") else set()
                _check_annotation(state, entry["case"], path, reader, reference, allowed | ignored)
    except (KeyError, TypeError, AttributeError) as error:
        found = f"cases.json that cannot be understood ({type(error).__name__})"
        state.add("error", "", found, "what the converter writes", "convert the dataset again")


def _reader_files(run: Path, entry: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for reader in entry["readers"].values():
        yield run / reader["annotation"], reader


def _check_annotation(
    state: _State, case: str, path: Path, reader: Mapping[str, Any], reference: Grid | None, allowed: set[int]
) -> None:
    volume = _read(state, case, path)
    if volume is None:
        return
    _check_grid(state, case, path, volume, reference)
    unknown = [value for value in _distinct(volume.voxels_zyx) if value not in allowed]
    if unknown:
        shown = ", ".join(f"{value:g}" for value in unknown[:5])
        wanted = f"values {sorted(allowed)} of cases.json"
        state.add("error", case, f"{state.shown(path)}: labels {shown}", wanted, "map the labels in the dataset file")
    if volume.sha256 != reader["sha256"]:
        found = f"{state.shown(path)} with SHA-256 {volume.sha256[:12]}..."
        state.add("warning", case, found, f"{reader['sha256'][:12]}... as converted", "convert again if not meant")
