"""The scores of each model as one file, so that a new arm, fold or test set is scored without the others again.

``scores/parts/<model>.parquet`` holds the rows of a model and, for each image, the hash of everything that decided
them: prediction, references, settings and the code that scores. ``readers.parquet`` holds readers against each other.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AnalysisError
from analysis.reference_masks import leaves_voxels_open
from analysis.run_folder import RunFolder
from analysis.score_checks import refuse_repeated_scores
from analysis.scoring.case_scores import IMAGE_NAMES, MODEL_NAMES, Order, Row, slices_wanted
from analysis.scoring.predictions import refusal
from analysis.scoring.run_scores import list_tasks, rows_frame, score_tasks
from dataset_converters.atomic import replacing
from dataset_converters.volumes.nifti import sha256_of

FOLDER, READERS, IMAGE = "scores/parts", "readers", "image"
PREDICTIONS_AT_A_TIME = 2000
"""Rows of so many predictions are held in memory, and lost at most when the stage is killed."""
_METADATA = b"ctshift_keys"
_PACKAGE = Path(__file__).resolve().parents[1]
_SCORING_CODE = (".", "metrics", "scoring", "surface")


@dataclass(frozen=True)
class _Part:
    """A model, or the readers: its name, its place in the scores, and the key of each image (readers: case)."""

    name: str
    number: int
    keys: Mapping[str, str]


def update_parts(run: RunFolder, *, workers: int = 1, show_progress: bool = False) -> None:
    """Score every prediction whose part has no rows for it, or rows made from something else.

    Raises
    ------
    AnalysisError
        As ``score_run``.
    """
    parts = _list_parts(run)
    names = {f"{part.name}.parquet" for part in parts}
    for path in run.path(FOLDER).glob("*.parquet"):
        if path.name not in names:
            path.unlink()
    wanted: dict[Order, str] = {}
    changed: list[_Part] = []
    for part in parts:
        old = _read_keys(_path(run, part))
        if old != dict(part.keys):
            changed.append(part)
            todo = [(n, image) for n, (image, key) in enumerate(part.keys.items()) if old.get(image) != key]
            wanted |= {(part.number, number): image for number, image in todo}
        if len(wanted) >= PREDICTIONS_AT_A_TIME:
            _score(run, changed, wanted, workers=workers, show_progress=show_progress)
            wanted, changed = {}, []
    if changed:
        _score(run, changed, wanted, workers=workers, show_progress=show_progress)


def read_parts(run: RunFolder) -> Iterator[pd.DataFrame]:
    """Yield the scores of each model in the order of the matrix, then of the readers.

    Raises
    ------
    AnalysisError
        If two rows of a model have one key.
    """
    for name in [*(model["model"] for model in run.matrix["models"]), READERS]:
        scores = pd.read_parquet(run.path(f"{FOLDER}/{name}.parquet")).drop(columns=IMAGE)
        refuse_repeated_scores(scores)
        yield scores


def _score(
    run: RunFolder, parts: list[_Part], wanted: Mapping[Order, str], *, workers: int, show_progress: bool
) -> None:
    tasks = list_tasks(run.matrix, wanted.keys())
    rows = score_tasks(run, tasks, workers=workers, show_progress=show_progress)
    for part in parts:
        new = {image: rows[order] for order, image in wanted.items() if order[0] == part.number}
        _write_part(_path(run, part), part, new)


def _write_part(path: Path, part: _Part, new: Mapping[str, list[Row]]) -> None:
    old = pd.read_parquet(path) if len(new) < len(part.keys) else rows_frame([]).assign(**{IMAGE: ""})
    frames = [
        rows_frame(new[image]).assign(**{IMAGE: image}) if image in new else old[old[IMAGE].eq(image)]
        for image in part.keys
    ]
    table = pa.Table.from_pandas(pd.concat(frames or [old]), preserve_index=False)
    keys = json.dumps(dict(part.keys)).encode()
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), _METADATA: keys}), temporary)


def _read_keys(path: Path) -> dict[str, str]:
    """Return the keys of a part; none of one that is absent or damaged."""
    try:
        keys: dict[str, str] = json.loads((pq.read_schema(path).metadata or {})[_METADATA])
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        return {}
    return keys


def _path(run: RunFolder, part: _Part) -> Path:
    return run.path(f"{FOLDER}/{part.name}.parquet")


def _list_parts(run: RunFolder) -> list[_Part]:
    models = run.matrix["models"]
    if any(model["model"] == READERS for model in models):
        raise AnalysisError(f"matrix.json: a model is called {READERS!r}; give its arm another name")
    shared = _shared(run)
    references = {case: _hash([shared, _reference(run, entry)]) for case, entry in run.matrix["references"].items()}
    parts = [
        _Part(model["model"], number, {image: _image_key(run, model, image, references) for image in model["test"]})
        for number, model in enumerate(models)
    ]
    cases = dict.fromkeys(task.case for task in list_tasks(run.matrix))
    return [*parts, _Part(READERS, len(models), {case: references[case] for case in cases})]


def _shared(run: RunFolder) -> str:
    study = run.study
    structures = {name: list(members) for name, members in study.structures.items()}
    values = [study.name, repr(study.scoring), structures, run.matrix["structures"], leaves_voxels_open(run)]
    return _hash([*values, _scoring_code()])


def _reference(run: RunFolder, entry: Mapping[str, Any]) -> list[Any]:
    files = [_file_hash(run.path(reader["annotation"])) for reader in entry["readers"].values()]
    return [{name: value for name, value in entry.items() if name != "covariates"}, files]


def _image_key(run: RunFolder, model: Mapping[str, Any], image: str, references: Mapping[str, str]) -> str:
    facts = run.matrix["images"].get(image)
    if facts is None:
        raise AnalysisError(f"matrix.json: image {image!r} of {model['model']} is not listed; assemble again")
    case = f"{facts['dataset']}_{facts['case']}"
    own = f"{case}-{run.study.scoring.own_variant}"
    compared = [own in run.matrix["images"], own in model["test"]]
    predictions = [_file_hash(run.prediction_path(model["model"], name)) for name in dict.fromkeys((image, own))]
    names = [model.get(name) for name in (*MODEL_NAMES, "postprocess")], [facts[name] for name in IMAGE_NAMES]
    slices = slices_wanted(run.study, model["arm"], facts)
    refused = [reason for name in dict.fromkeys((image, own)) if (reason := refusal(run, model["model"], name))]
    return _hash([references.get(case, ""), names, slices, compared, predictions, *refused])


def _file_hash(path: Path) -> str:
    """Hash a file once for all models that are compared with it; empty if there is none."""
    if not path.is_file():
        return ""
    facts = path.stat()
    return _hash_once(path, (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))


@lru_cache(maxsize=4096)
def _hash_once(path: Path, look: tuple[int, int, int]) -> str:
    return sha256_of(path)


@lru_cache(maxsize=1)
def _scoring_code() -> str:
    """Hash the code that decides scores: one table never mixes rows of two versions."""
    paths = sorted(path for folder in _SCORING_CODE for path in (_PACKAGE / folder).glob("*.py"))
    return _hash([(str(path.relative_to(_PACKAGE)), _file_hash(path)) for path in paths])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
