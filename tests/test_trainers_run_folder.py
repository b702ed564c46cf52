"""A matrix whose names or paths lead out of the run folder is refused before anything is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_run import NNUNET, write_tiny_run

from trainers.errors import TrainerError
from trainers.predict.ellipsoid import predict_ellipsoid
from trainers.prepare import prepare
from trainers.run_folder import RunFolder, open_run

pytestmark = pytest.mark.usefixtures("kept_environment")
ELLIPSOID = "ellipsoid-centred_ellipsoid-s0-f0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_tiny_run(tmp_path / "folder" / "run", patients=3)


def _matrix(run: Path) -> Any:
    return json.loads((run / "matrix.json").read_text())


def test_an_image_id_cannot_lead_a_label_map_out(run: Path) -> None:
    matrix = _matrix(run)
    matrix["images"]["../../../esc3"] = matrix["images"]["source_P0-LK"]
    model = next(entry for entry in matrix["models"] if entry["model"] == ELLIPSOID)
    model["test"] = ["../../../esc3"]
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(TrainerError, match=r"found image '\.\./\.\./\.\./esc3'"):
        predict_ellipsoid(open_run(run), model)
    assert not list(run.parent.glob("esc3*"))


@pytest.mark.parametrize("name", ["../../esc4", "/esc4", "a/b", "a\\b", "..", "", 3, "a\0"])
@pytest.mark.parametrize("what", ["dataset", "plans", "model", "trainer"])
def test_names_that_are_no_file_names_are_refused(run: Path, what: str, name: Any) -> None:
    matrix = _matrix(run)
    if what == "dataset":
        matrix["nnunet"] = name
    elif what == "plans":
        matrix["plans"][0]["plans_name"] = name
    else:
        matrix["models"][0][what] = name
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(TrainerError, match=f"matrix.json: found {what} "):
        open_run(run)


def test_a_fold_cannot_lead_out(run: Path) -> None:
    matrix = _matrix(run)
    matrix["models"][0]["fold"] = "0/../../../../esc"
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(TrainerError, match="found fold"):
        open_run(run)


@pytest.mark.parametrize("folder", ["raw_dataset", "preprocessed_dataset", "fold_folder"])
def test_every_folder_stays_inside_whoever_opened_the_run(run: Path, folder: str) -> None:
    """Also where a matrix was not read by ``open_run``."""
    matrix = _matrix(run)
    opened = RunFolder(run, matrix | {"nnunet": "../../esc4"})
    with pytest.raises(TrainerError, match="wanted a path inside the run folder"):
        opened.fold_folder(matrix["models"][0]) if folder == "fold_folder" else getattr(opened, folder)


def test_a_case_of_the_dataset_cannot_lead_out(run: Path) -> None:
    path = run / "nnUNet_raw" / NNUNET / "dataset.json"
    content = json.loads(path.read_text())
    content["dataset"]["../../../../esc5"] = next(iter(content["dataset"].values()))
    path.write_text(json.dumps(content))
    with pytest.raises(TrainerError, match=r"found case '\.\./\.\./\.\./\.\./esc5'"):
        prepare(open_run(run))
    assert not list(run.parent.rglob("esc5*"))
