"""Scores model by model: only what changed is scored again, and the whole is what scoring everything gives."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_run import SIZE_ZYX, write_image, write_run

from analysis import evaluate
from analysis.run_folder import open_run
from analysis.scoring import known_sharpness, score_parts
from analysis.scoring.run_scores import score_run
from analysis.scoring.score_parts import FOLDER, read_parts, update_parts


@pytest.fixture
def run(tmp_path: Path) -> Path:
    root = write_run(tmp_path / "run", patients=2)
    update_parts(open_run(root))
    return root


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is scored from now on: model and image, or the examination whose readers are compared."""
    found: list[str] = []
    original = score_parts.score_tasks

    def score_tasks(run: object, tasks: list, **options: object) -> object:
        found.extend(f"{model['model']} {image}" for task in tasks for _, model, image in task.entries)
        found.extend(f"readers {task.case}" for task in tasks if task.readers)
        return original(run, tasks, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(score_parts, "score_tasks", score_tasks)
    return found


def whole(root: Path) -> pd.DataFrame:
    return pd.concat(read_parts(open_run(root)), ignore_index=True)


def test_the_parts_together_are_the_scores_of_the_run(run: Path) -> None:
    pd.testing.assert_frame_equal(whole(run), score_run(open_run(run)))


def test_scoring_in_small_batches_gives_the_same(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_parts, "PREDICTIONS_AT_A_TIME", 1)
    other = write_run(tmp_path / "other", patients=2)
    update_parts(open_run(other))
    pd.testing.assert_frame_equal(whole(run), whole(other))


def test_nothing_new_scores_nothing(run: Path, scored: list[str]) -> None:
    update_parts(open_run(run))
    assert scored == []


def test_a_changed_prediction_is_scored_again_alone(run: Path, scored: list[str]) -> None:
    model = open_run(run).matrix["models"][0]
    prediction = np.zeros(SIZE_ZYX, np.uint8)
    prediction[2] = 1
    write_image(run / "predictions" / model["model"] / f"{model['test'][0]}.nii.gz", prediction)
    update_parts(open_run(run))
    assert scored == [f"{model['model']} {model['test'][0]}"]
    pd.testing.assert_frame_equal(whole(run), score_run(open_run(run)))


def test_a_refusal_is_a_row_with_its_reason_until_it_is_taken_back(run: Path) -> None:
    model = "ellipsoid-centred_ellipsoid-s0-f0"
    refused = run / "predictions" / model / "refused.json"
    refused.write_text('{"phantom_P001-LK": "kernel B70f is sharp"}')
    update_parts(open_run(run))
    rows = pd.concat(list(read_parts(open_run(run))))
    rows = rows[rows["status"].eq("refused")]
    assert set(rows["reason"]) == {"prediction: kernel B70f is sharp"}
    assert set(zip(rows["arm"], rows["case"], rows["variant"], strict=True)) == {("ellipsoid", "P001", "LK")}
    assert rows["value"].isna().all()
    refused.unlink()
    update_parts(open_run(run))
    assert not pd.concat(list(read_parts(open_run(run))))["status"].eq("refused").any()


def test_a_new_model_is_scored_alone_and_a_dropped_one_goes(run: Path, scored: list[str]) -> None:
    matrix = json.loads((run / "matrix.json").read_text())
    dropped, *models = matrix["models"]
    matrix["models"] = [*models, dropped | {"model": "new", "seed": 7}]
    (run / "matrix.json").write_text(json.dumps(matrix))
    update_parts(open_run(run))
    assert scored == [f"new {image}" for image in sorted(dropped["test"])]
    assert not (run / FOLDER / f"{dropped['model']}.parquet").exists()
    pd.testing.assert_frame_equal(whole(run), score_run(open_run(run)))


def test_another_annotation_scores_its_examination_again(run: Path, scored: list[str]) -> None:
    matrix = json.loads((run / "matrix.json").read_text())
    case, entry = next(iter(matrix["references"].items()))
    annotation = np.zeros(SIZE_ZYX, np.uint8)
    annotation[:, 2:5, 2:5] = 3
    write_image(run / next(iter(entry["readers"].values()))["annotation"], annotation)
    update_parts(open_run(run))
    assert f"readers {case}" in scored
    assert len(scored) == 1 + sum(image.rsplit("-", 1)[0] == case for m in matrix["models"] for image in m["test"])
    pd.testing.assert_frame_equal(whole(run), score_run(open_run(run)))


def test_other_code_or_a_damaged_part_scores_again(
    run: Path, scored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = open_run(run).matrix["models"]
    path = run / FOLDER / f"{models[1]['model']}.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    update_parts(open_run(run))
    assert len(scored) == len(models[1]["test"])
    monkeypatch.setattr(score_parts, "_scoring_code", lambda: "another version")
    update_parts(open_run(run))
    assert len(scored) > sum(len(model["test"]) for model in models)


def test_csv_and_parquet_hold_the_same_rows(run: Path) -> None:
    assert evaluate.main([str(run)]) == 0
    parquet = pd.read_parquet(run / "scores.parquet")
    pd.testing.assert_frame_equal(parquet, score_run(open_run(run)))
    text = pd.read_csv(run / "scores.csv", keep_default_na=False, na_values={"value": [""]})
    pd.testing.assert_frame_equal(text, parquet, check_dtype=False)


def test_an_image_is_measured_once(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(path: Path) -> tuple[float, float]:
        measured.append(path.name)
        return (1.5, float("nan"))

    monkeypatch.setattr(known_sharpness, "image_sharpness", measure)
    images = [{"path": f"{name}.nii.gz", "sha256": name} for name in "ab"]
    opened = open_run(run)
    for entries in (images, [*images, {"path": "c.nii.gz", "sha256": "c"}, {"path": "d.nii.gz"}]):
        found = known_sharpness.sharpness_of_images(opened, entries)
        assert [value for value, _ in found] == [1.5] * len(entries)
        assert all(np.isnan(error) for _, error in found)
    assert measured == ["a.nii.gz", "b.nii.gz", "c.nii.gz", "d.nii.gz"]
    monkeypatch.setattr(known_sharpness, "_code", lambda: "another version")
    known_sharpness.sharpness_of_images(opened, images)
    assert measured[4:] == ["a.nii.gz", "b.nii.gz"]
