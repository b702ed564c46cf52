"""The sharpness of a run's images, each measured once however often the run is evaluated."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.run_folder import RunFolder
from analysis.scoring import image_sharpness as measuring
from analysis.scoring.image_sharpness import Measured, image_sharpness
from analysis.scoring.processes import answers_in_order
from dataset_converters.atomic import write_json
from dataset_converters.physics import sharpness

FILE = "scores/parts/sharpness.json"


def sharpness_of_images(run: RunFolder, images: Sequence[Mapping[str, Any]], *, workers: int = 1) -> list[Measured]:
    """Return the sharpness of images of the matrix, in their order; those measured before by the same code are kept.

    An image is known by the hash of its file; one that the matrix gives no hash is measured every time.
    """
    code = _code()
    known = _read(run.path(FILE), code)
    missing = list(dict.fromkeys(entry["path"] for entry in images if entry.get("sha256", "") not in known))
    answers = answers_in_order(image_sharpness, [run.path(path) for path in missing], workers=workers)
    measured = dict(zip(missing, answers, strict=True))
    found = [measured[e["path"]] if e["path"] in measured else known[e["sha256"]] for e in images]
    hashed = {e["sha256"]: value for e, value in zip(images, found, strict=True) if e.get("sha256")}
    if hashed != known:
        plain = {name: [None if number != number else number for number in value] for name, value in hashed.items()}
        write_json(run.path(FILE), {"code": code, "images": plain})
    return found


def _read(path: Path, code: str) -> dict[str, Measured]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if content["code"] != code:
        return {}
    nan = float("nan")
    return {name: (nan if a is None else a, nan if b is None else b) for name, (a, b) in content["images"].items()}


def _code() -> str:
    files = [Path(str(module.__file__)) for module in (measuring, sharpness)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
