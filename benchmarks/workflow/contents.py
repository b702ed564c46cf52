"""The hash of every file a job reads or leaves; a file is read again only if it changed since, as git does it."""

import hashlib
import json
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.study_file import load_study
from benchmarks.workflow.jobs import CANDIDATES, PACKAGE_FILES, RECORDED, REFERENCES, SCORING
from dataset_converters.atomic import write_text
from dataset_converters.volumes.nifti import sha256_of

REPOSITORY = Path(__file__).resolve().parents[2]
FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("inputs", "outputs", "versions"), dict),
    **dict.fromkeys(("state", "host", "code", "contents", "state_before"), str),
    **dict.fromkeys(("started", "seconds", "training_seconds"), (int, float)),
    "pid": int,
    "recoveries": list,
}
"""What a record of a job holds, where it holds it."""


class Contents:
    """The hashes of one job's files, with what each file looked like (size, times, inode) when it was read.

    ``given`` holds the hashes that files will have, by name. The record ``jobs/<job>.facts.json`` saves reading and
    decides nothing: without it, or where a file looks different, the file is read.
    """

    def __init__(self, run: Path, job: str, given: Mapping[str, str] | None = None) -> None:
        self._run, self._path, self._given = run, run / "jobs" / f"{job}.facts.json", given or {}
        self._known: dict[str, list[Any]] = read_record(self._path)
        self._seen: dict[str, list[Any]] = {}

    def of(self, name: str) -> str:
        """Return the hash of an input or output by its name in a job; empty if it is not there."""
        if name in self._given:
            return self._given[name]
        if name.startswith(PACKAGE_FILES):
            return _names_of_files(REPOSITORY / name.removeprefix(PACKAGE_FILES))
        if name.startswith(RECORDED):
            return _recorded_outputs(self._run, name.removeprefix(RECORDED))
        if name == REFERENCES:
            return self._references()
        path, _, part = name.partition("#")
        content = self._file(path)
        if not content or not part:
            return content
        return scoring_settings(self._run / path) if name == SCORING else _matrix_part(self._run / path, content, part)

    def expect(self, name: str, sha256: str) -> None:
        """Take over the hash of a file that its writer knows, so that it is not read again."""
        if look := self._look(name):
            self._known[name] = [*look, sha256]

    def save(self) -> None:
        """Write what was seen if it is news."""
        if self._seen != read_record(self._path):
            write_text(self._path, json.dumps(self._seen))

    def _references(self) -> str:
        """Hash every annotation of the matrix, present or not, so that scores without a reference do not stay."""
        content = self._file("matrix.json")
        matrix = _read_matrix(self._run / "matrix.json", content) if content else {}
        return _hash_of([(name, self._file(name)) for name in matrix["annotations"]]) if matrix else ""

    def _file(self, name: str) -> str:
        look = self._look(name)
        if not look:
            return ""
        known = self._known.get(name)
        is_known = isinstance(known, list) and len(known) == len(look) + 1 and known[:-1] == look
        sha256 = known[-1] if known and is_known else sha256_of(self._run / name)
        self._seen[name] = self._known[name] = [*look, sha256]
        return str(sha256)

    def _look(self, name: str) -> list[int]:
        try:
            facts = (self._run / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return []
        if not stat.S_ISREG(facts.st_mode):
            return []
        # the change time too: it moves with every write, also where a program sets the modification time back
        return [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]


def read_record(path: Path) -> dict[str, Any]:
    """Read a job record; empty when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_job_record(path: Path) -> dict[str, Any]:
    """Read the record of a job; empty when there is none, or one with a field of another kind than ours."""
    record = read_record(path)
    whole = all(isinstance(record[name], kind) for name, kind in FIELDS.items() if name in record)
    return record if whole and all(isinstance(entry, dict) for entry in record.get("recoveries", [])) else {}


def before_refusal(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a finished job as it was before its wrapper failed: what it left is still there."""
    if record.get("state") != "failed" or record.get("state_before") != "done":
        return record
    return {name: value for name, value in record.items() if name not in ("state_before", "reason")} | {"state": "done"}


def scoring_settings(study_file: Path) -> str:
    """Hash what decides scores beyond the predictions: how to score, and what test sets take; not their words."""
    study = load_study(study_file)
    taken = [(entry.datasets, entry.variants, entry.arms, entry.slices) for entry in study.test_sets]
    return hashlib.sha256(repr([study.scoring, taken]).encode()).hexdigest()


def _recorded_outputs(run: Path, job: str) -> str:
    """Hash what a job left, as its record says, without the files themselves; empty unless it is done."""
    for folder in ("done", "jobs"):
        record = before_refusal(read_job_record(run / folder / f"{job}.json"))
        if record.get("state") == "done":
            return _hash_of(record.get("outputs", {}))
    return ""


def _names_of_files(folder: Path) -> str:
    """Hash the names of a package's files: a table that is added later is made for finished runs too."""
    return _hash_of(sorted(path.name for path in folder.glob("*.py")))


def _hash_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def _read_matrix(path: Path, content: str) -> dict[str, Any]:
    """Parse the matrix once for all jobs that ask for their part; empty if it is damaged, as if it were not there."""
    try:
        return _parsed_matrix(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _parsed_matrix(matrix: dict[str, Any]) -> dict[str, Any]:
    models: dict[str, list[Any]] = {}
    for entry in matrix["models"]:
        models.setdefault(entry["model"], []).append(entry)
    plans: dict[str, list[Any]] = {}
    for entry in matrix["plans"]:
        plans.setdefault(entry["plans_name"], []).append(entry["content"])
    readers = [reader for entry in matrix.get("references", {}).values() for reader in entry["readers"].values()]
    annotations = sorted(reader["annotation"] for reader in readers)
    known = {"images": matrix["images"], "models": models, "plans": plans, "annotations": annotations}
    return known | {"templates": _template_parts(matrix)}


def _template_parts(matrix: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each set of templates is chosen from, and everything that is registered to it."""
    parts: dict[str, Any] = {}
    for entry in matrix.get("templates", []):
        fixed = {name: value for name, value in entry.items() if name not in ("val", "test")}
        warped = {k: v for k, v in matrix["warped_images"].items() if v["templates"] == entry["name"]}
        shown = [*entry["train"], *entry["val"], *entry["test"]]
        parts[f"{CANDIDATES}{entry['name']}"] = {"test": entry["train"], "set": fixed}
        parts[entry["name"]] = {
            "test": shown,
            "set": entry,
            "warped": warped,
        }
    return parts


def _matrix_part(path: Path, content: str, part: str) -> str:
    matrix = _read_matrix(path, content)
    if not matrix:
        return ""
    entries = matrix["models"].get(part, [matrix["templates"][part]] if part in matrix["templates"] else [])
    try:
        images = {image: _without_facts(matrix["images"][image]) for entry in entries for image in entry["test"]}
    except (KeyError, TypeError, AttributeError):  # damaged
        return ""
    return hashlib.sha256(
        json.dumps([entries, images, matrix["plans"].get(part, [])], sort_keys=True).encode()
    ).hexdigest()


def _without_facts(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a prediction depends on: facts only describe the image."""
    return {name: value for name, value in image.items() if name != "facts"}
