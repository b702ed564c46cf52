"""Voxels a reader left open: no metric sees them, in the reference or in what it is compared with."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scoring_run import DISEASE, RIGHT, Labels, lungs, nothing, write_scoring_run

from analysis.reference_masks import ReaderReference, left_open, restrict, without
from analysis.run_folder import open_run
from analysis.scoring.case_scores import OPEN_NOTE
from analysis.scoring.references import make_consensus
from analysis.scoring.run_scores import score_run

OPEN = 5
VOXEL_ML = 2.0 * 2.5 * 5.0 / 1000


def _run(root: Path, readers: dict[str, tuple[Labels, list[int] | None]], found: Labels, scoring: str = "") -> Path:
    """Write a run whose readers' masks hold 5 where they left voxels open."""
    metrics = scoring or 'metrics = ["DSC", "reference_volume", "volume"]'
    write_scoring_run(root, readers=readers, predictions={"LK": found, "MK": found}, scoring=metrics)
    matrix = json.loads((root / "matrix.json").read_text())
    for name, entry in matrix["references"]["drawn_P1"]["readers"].items():
        entry["ignore_value"] = OPEN if (readers[name][0] == OPEN).any() else None
    (root / "matrix.json").write_text(json.dumps(matrix))
    return root


def _values(root: Path, **wanted: str) -> dict[str, float]:
    scores = score_run(open_run(root))
    for name, value in {"variant": "LK", **wanted}.items():
        scores = scores[scores[name].eq(value)]
    return dict(zip(scores["metric"], scores["value"], strict=True))


def _half_open() -> tuple[Labels, Labels]:
    """Return a reference of which slices 1 and 2 of the right lung are open, and a prediction that misses slice 4."""
    reference, found = lungs(), lungs()
    reference[1:3, 0:6, 0:5] = OPEN
    found[4, 2:4, 1:4] = 0
    return reference, found


def test_dice_and_volumes_by_hand(tmp_path: Path) -> None:
    reference, found = _half_open()
    root = _run(tmp_path / "run", {"truth": (reference, None)}, found)
    # right lung: 6 voxels a slice on slices 3 and 4 in the reference, on slice 3 in the prediction
    values = _values(root, structure="right_lung", reader="truth")
    assert values["DSC"] == pytest.approx(2 * 6 / (12 + 6))
    assert values["reference_volume"] == pytest.approx(12 * VOXEL_ML)
    assert values["volume"] == pytest.approx(6 * VOXEL_ML)
    assert _values(root, structure="left_lung", reader="truth")["DSC"] == 1.0


def test_what_a_prediction_says_in_open_voxels_changes_nothing(tmp_path: Path) -> None:
    reference, found = _half_open()
    other = found.copy()
    other[reference == OPEN] = np.random.default_rng(1).integers(0, 4, int((reference == OPEN).sum()))
    metrics = 'metrics = ["DSC", "HD95", "MSD", "NSD", "relative_volume_difference"]'
    first = score_run(open_run(_run(tmp_path / "a", {"truth": (reference, None)}, found, metrics)))
    second = score_run(open_run(_run(tmp_path / "b", {"truth": (reference, None)}, other, metrics)))
    columns = ["structure", "reader", "metric", "dimension", "variant", "value", "status"]
    pd.testing.assert_frame_equal(first[first.reader.eq("truth")][columns], second[second.reader.eq("truth")][columns])


def test_without_the_open_value_such_a_prediction_is_marked_down(tmp_path: Path) -> None:
    reference, found = _half_open()
    root = _run(tmp_path / "run", {"truth": (np.where(reference == OPEN, 0, reference).astype(np.uint8), None)}, found)
    assert _values(root, structure="right_lung", reader="truth")["DSC"] == pytest.approx(2 * 6 / (12 + 18))


def test_the_definition_says_so_in_every_row_of_such_a_run_and_only_there(tmp_path: Path) -> None:
    reference, found = _half_open()
    scores = score_run(open_run(_run(tmp_path / "a", {"r1": (reference, None), "r2": (lungs(), None)}, found)))
    assert scores["definition"].str.endswith(OPEN_NOTE).all()
    assert scores.groupby("metric")["definition"].nunique().eq(1).all()  # tables refuse two definitions of a metric
    scores = score_run(open_run(_run(tmp_path / "b", {"r1": (lungs(), None)}, found)))
    assert not scores["definition"].str.contains("left open").any()


def test_open_voxels_and_annotated_slices_together(tmp_path: Path) -> None:
    reference, found = _half_open()
    root = _run(tmp_path / "run", {"truth": (reference, [2, 3, 4])}, found)
    values = _values(root, structure="right_lung", reader="truth")
    assert values["DSC"] == pytest.approx(2 * 6 / (12 + 6))
    root = _run(tmp_path / "other", {"truth": (reference, [1, 3])}, found)
    assert _values(root, structure="right_lung", reader="truth")["DSC"] == 1.0


def test_a_structure_that_is_only_where_the_reader_looked_away_is_empty(tmp_path: Path) -> None:
    reference, found = nothing(), nothing()
    reference[0, 0, 0] = RIGHT
    reference[3] = OPEN
    found[3, 1:3, 1:3] = DISEASE
    root = _run(tmp_path / "run", {"truth": (reference, None)}, found)
    scores = score_run(open_run(root))
    row = scores[scores.structure.eq("disease") & scores.metric.eq("DSC") & scores.variant.eq("LK")].iloc[0]
    assert row.status == "both_empty"


def test_two_readers_are_compared_where_both_looked(tmp_path: Path) -> None:
    first, second = lungs(), lungs()
    first[1, 2:4, 1:4] = OPEN
    second[2, 2:4, 1:4] = OPEN
    second[4, 2:4, 1:4] = 0
    scoring = 'metrics = ["DSC"]\nreader_pairs = true\nconsensus = ["majority"]'
    root = _run(tmp_path / "run", {"r1": (first, None), "r2": (second, None)}, lungs(), scoring)
    scores = score_run(open_run(root))
    pair = scores[scores.trainer.eq("reader") & scores.structure.eq("right_lung")].iloc[0]
    assert pair["value"] == pytest.approx(2 * 6 / (12 + 6))  # slices 3 and 4 against slice 3
    rows = scores[scores.reader.eq("majority") & scores.structure.eq("right_lung") & scores.variant.eq("LK")]
    assert rows["value"].iloc[0] == pytest.approx(2 * 6 / (6 + 12))  # both marked slice 3; the prediction has 3 and 4


def _reference(name: str, left: np.ndarray | None, index: list[int] | None = None) -> ReaderReference:
    mask = np.ones((3, 2, 2), dtype=bool)
    places = None if index is None else np.array(index)
    return ReaderReference(name, "all", index=places, masks={"lung": mask}, open=left)


def test_restriction_keeps_open_voxels_with_their_slices() -> None:
    left = np.zeros((3, 2, 2), dtype=bool)
    left[1] = True
    restricted = restrict(_reference("r", left, [2, 5, 7]), np.array([5, 7]), slices="annotated")
    assert restricted.open is not None
    assert restricted.open.tolist() == left[1:].tolist()


def test_open_voxels_are_the_union_of_readers() -> None:
    one, two = np.zeros((3, 2, 2), dtype=bool), np.zeros((3, 2, 2), dtype=bool)
    one[0], two[2, 1, 1] = True, True
    union = left_open([_reference("a", one), _reference("b", two), _reference("c", None)])
    assert union is not None
    assert union.sum() == 5
    assert left_open([_reference("c", None)]) is None
    closed = without(_reference("c", None), union)
    assert closed.masks is not None
    assert closed.masks["lung"].sum() == 12 - 5


def test_consensus_is_open_where_a_reader_left_open() -> None:
    left = np.zeros((3, 2, 2), dtype=bool)
    left[0, 0, 0] = True
    consensus = make_consensus([_reference("a", left), _reference("b", None), _reference("c", None)], "majority")
    assert consensus.open is not None
    assert consensus.masks is not None
    assert consensus.open.sum() == 1
    assert not consensus.masks["lung"][0, 0, 0]
    assert consensus.masks["lung"].sum() == 11
