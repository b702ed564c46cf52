"""What a prediction is scored against: slices, unions, readers, repeats, consensus and own predictions, by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_run import write_image
from scoring_run import DISEASE, LEFT, MODEL, RIGHT, TUMOUR, lungs, nothing, write_scoring_run

from analysis.errors import AnalysisError
from analysis.reference_masks import ReaderReference, restrict, shared_index
from analysis.results import read_results
from analysis.run_folder import open_run
from analysis.scoring.image_list import list_images
from analysis.scoring.lazy_masks import LazyMasks, names_without_masks
from analysis.scoring.references import make_consensus, split_repeats
from analysis.scoring.run_scores import score_run
from analysis.scoring.staple import majority_vote, staple

LUNG = """metrics = ["DSC"]
unions = { lung = ["right_lung", "left_lung"] }
lung = "lung"
slices = ["reader", "lung", "all"]"""


def _score(root: Path, **wanted: object) -> pd.DataFrame:
    scores = score_run(open_run(root))
    for name, value in wanted.items():
        scores = scores[scores[name].eq(value)]
    return scores


def _one(root: Path, **wanted: object) -> pd.Series:
    scores = _score(root, **wanted)
    assert len(scores) == 1, scores.to_string()
    return scores.iloc[0]


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_a_union_is_one_mask_and_sides_are_their_own(tmp_path: Path) -> None:
    found = lungs()
    found[2, 2:4, 1:4] = LEFT  # the left label on one slice of the right lung
    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (lungs(), None)}, predictions={"LK": found, "MK": found}, scoring=LUNG
    )
    assert _one(root, variant="LK", structure="lung").value == 1.0
    assert _one(root, variant="LK", structure="right_lung").value == pytest.approx(2 * 18 / (24 + 18))
    assert _one(root, variant="LK", structure="left_lung").value == pytest.approx(2 * 24 / (24 + 30))


@pytest.mark.parametrize(
    ("choice", "annotated", "slices", "scored"),
    [
        ("reader", None, "all", [0, 1, 2, 3, 4, 5]),
        ("reader", [0, 2, 5], "annotated", [0, 2, 5]),
        ("lung", None, "lung", [1, 2, 3, 4]),
        ("lung", [0, 2, 5], "lung", [2]),
        ("all", None, "all", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_test_set_chooses_the_slices(
    tmp_path: Path, choice: str, annotated: list[int] | None, slices: str, scored: list[int]
) -> None:
    found = lungs()
    found[:, 2, 1] = RIGHT  # also on the slices beyond the lung
    found[2, 3, 1:4] = 0
    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": (lungs(), annotated)},
        predictions={"LK": found, "MK": found},
        scoring=LUNG,
        test_set=f'slices = "{choice}"',
    )
    row = _one(root, variant="LK", structure="right_lung")
    assert row.slices == slices
    assert row.value == pytest.approx(_dice(lungs()[scored] == RIGHT, found[scored] == RIGHT))


@pytest.mark.parametrize(
    ("choice", "readers", "reason"),
    [
        ("all", (lungs(), [1, 2]), "annotation: 2 of 6 slices annotated, wanted all"),
        ("lung", (lungs(), [0, 5]), "annotation: lung on none of the annotated slices"),
        ("reader", (lungs(), []), "annotation: the reader has no annotated slice; wanted one at least"),
        ("reader", (lungs(), [7]), "annotation: annotated slices [7], wanted slices from 0 to 5"),
    ],
)
def test_slices_that_cannot_be_scored_are_rows_with_a_reason(
    tmp_path: Path, choice: str, readers: tuple[np.ndarray, list[int]], reason: str
) -> None:
    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": readers},
        predictions={"LK": lungs(), "MK": lungs()},
        scoring=LUNG,
        test_set=f'slices = "{choice}"',
    )
    row = _one(root, variant="LK", structure="lung")
    assert (row.status, row.reason) == ("no_reference", reason)
    assert np.isnan(row.value)


def test_readers_are_compared_once_on_shared_slices_and_repeats_apart(tmp_path: Path) -> None:
    first, second = lungs(), lungs()
    second[3, 2, 1:4] = 0
    again = lungs()
    again[1, 2:4, 1] = 0
    root = write_scoring_run(
        tmp_path / "run",
        readers={
            "reader1": (first, [1, 2, 3]),
            "reader2": (second, [2, 3, 4]),
            "reader3": (first, None),
            "reader1_repeat": (again, [1, 2, 3]),
        },
        predictions={"LK": lungs(), "MK": lungs()},
    )
    pairs = _score(root, trainer="reader", structure="right_lung")
    found = {(row.reader, row.arm, row.slices): row.value for row in pairs.itertuples()}
    assert set(found) == {
        ("reader1", "reader2", "annotated"), ("reader1", "reader3", "annotated"), ("reader2", "reader3", "annotated"),
    }  # fmt: skip
    assert found["reader1", "reader2", "annotated"] == pytest.approx(2 * 9 / (12 + 9))
    assert found["reader1", "reader3", "annotated"] == 1.0
    assert found["reader2", "reader3", "annotated"] == pytest.approx(2 * 15 / (18 + 15))
    assert pairs.variant.eq("").all()
    repeat = _one(root, trainer="repeat", structure="right_lung")
    assert (repeat.reader, repeat.arm) == ("reader1", "reader1_repeat")
    assert repeat.value == pytest.approx(2 * 16 / (18 + 16))
    assert set(_score(root, arm="LK").reader) == {"reader1", "reader2", "reader3"}


def test_readers_without_a_common_slice_or_grid_are_rows_with_a_reason(tmp_path: Path) -> None:
    root = write_scoring_run(
        tmp_path / "run",
        readers={"a": (lungs(), [1]), "b": (lungs(), [2]), "c": (lungs(), None)},
        predictions={"LK": lungs(), "MK": lungs()},
    )
    write_image(root / "annotations/c.nii.gz", lungs()[:, 1:], spacing_xyz_mm=(2.0, 2.5, 5.0))
    rows = _score(root, trainer="reader", structure="left_lung").set_index(["reader", "arm"])
    assert rows.loc[("a", "b"), "reason"] == "a and b annotated no slice in common"
    assert rows.loc[("a", "c"), "status"] == "failed"
    assert rows.loc[("a", "c"), "reason"].startswith("c: size_zyx (6, 7, 10), reference (6, 8, 10)")
    assert _score(root, arm="LK", reader="c", variant="LK").status.eq("failed").all()


def test_majority_needs_more_than_half_and_reads_shared_slices(tmp_path: Path) -> None:
    one, two, three = nothing(), nothing(), nothing()
    one[2, 2, 1:5] = DISEASE
    two[2, 2, 2:6] = DISEASE
    three[2, 2, 3:7] = DISEASE
    one[1], three[4] = DISEASE, DISEASE  # slices not all of them annotated
    majority = nothing()
    majority[2, 2, 2:6] = DISEASE
    root = write_scoring_run(
        tmp_path / "run",
        readers={"a": (one, [1, 2]), "b": (two, [2, 3]), "c": (three, None)},
        predictions={"LK": majority, "MK": one},
        scoring='metrics = ["DSC"]\nconsensus = ["majority", "staple"]',
    )
    rows = _score(root, reader="majority", structure="disease").set_index("variant")
    assert rows.loc["LK", "value"] == 1.0
    assert rows.loc["LK", "slices"] == "annotated"
    assert rows.loc["MK", "value"] == pytest.approx(2 * 3 / (4 + 4))
    assert _one(root, reader="staple", structure="disease", variant="LK").status == "ok"


def test_a_tie_is_no_majority_and_staple_follows_the_better_readers() -> None:
    masks = [np.zeros((1, 8, 8), bool) for _ in range(5)]
    for mask in masks:
        mask[0, 2:6, 2:6] = True
    masks[4][0] = ~masks[4][0]
    assert np.array_equal(majority_vote(masks), masks[0])
    assert not majority_vote([masks[0], masks[4]]).any()
    assert np.array_equal(staple(masks), masks[0])
    assert np.array_equal(staple(masks), staple(masks))
    empty = [np.zeros((1, 4, 4), bool)] * 3
    assert not staple(empty).any()


def test_consensus_of_readers_on_other_grids_says_so() -> None:
    readers = [_reader("a", None), _reader("b", None, depth=5)]
    consensus = make_consensus(readers, "majority")
    assert consensus.masks is None
    assert "readers on grids of different size [(4, 2, 2), (5, 2, 2)]" in consensus.reason
    assert "consensus of 1 readers, wanted 2" in make_consensus(readers[:1], "majority").reason


def test_the_models_own_prediction_is_the_reference_of_other_variants(tmp_path: Path) -> None:
    found = lungs()
    found[4] = 0
    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": (nothing(), None)},
        predictions={"LK": found, "MK": lungs()},
        scoring='metrics = ["DSC"]\nown_variant = "MK"',
    )
    own = _score(root, reader="own-MK", structure="right_lung")
    assert own.variant.tolist() == ["LK"]
    assert own.iloc[0].value == pytest.approx(2 * 18 / (24 + 18))
    (root / "predictions" / MODEL / "drawn_P1-MK.nii.gz").unlink()
    row = _one(root, reader="own-MK", structure="right_lung")
    assert (row.status, row.reason) == ("no_reference", "own prediction on MK: prediction: file not found")


def test_a_structure_without_labels_has_no_rows_and_half_a_union_none_either(tmp_path: Path) -> None:
    import json

    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (lungs(), None)}, predictions={"LK": lungs(), "MK": lungs()}, scoring=LUNG
    )
    matrix = json.loads((root / "matrix.json").read_text())
    matrix["references"]["drawn_P1"]["structures"]["left_lung"] = []
    (root / "matrix.json").write_text(json.dumps(matrix))
    assert set(_score(root).structure) == {"right_lung", "disease"}


def test_workers_give_the_same_rows(tmp_path: Path) -> None:
    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (lungs(), None)}, predictions={"LK": lungs(), "MK": nothing()}
    )
    pd.testing.assert_frame_equal(score_run(open_run(root)), score_run(open_run(root), workers=2))


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ('metrics = ["DCS"]', r"unknown metric 'DCS'; the choices are: .*DSC"),
        ('metrics = ["tumour_overlap"]', "tumour_overlap needs to know lung and tumour"),
        ('metrics = ["extent"]', "extent needs to know lung and disease"),
    ],
)
def test_a_metric_that_cannot_be_computed_stops_at_the_start(tmp_path: Path, scoring: str, message: str) -> None:
    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (lungs(), None)}, predictions={"LK": lungs()}, scoring=scoring
    )
    with pytest.raises(AnalysisError, match=message):
        score_run(open_run(root))


def test_lung_disease_and_tumour_play_their_part(tmp_path: Path) -> None:
    truth, found = lungs(), lungs()
    truth[2, 2, 1:4] = DISEASE  # 3 of 48 voxels of lung
    truth[2, 6, 1:5] = TUMOUR
    found[2, 2, 1:3] = DISEASE
    found[2, 5, 1:5] = DISEASE  # outside the reference lung
    found[2, 6, 1:2] = RIGHT  # covers one of four voxels of tumour
    metrics = '["extent", "reference_extent", "tumour_overlap", "false_positives_outside_lung", "volume"]'
    scoring = f"""metrics = {metrics}
unions = {{ lung = ["right_lung", "left_lung", "disease"] }}
references = {{ tumour = ["tumour"] }}
lung = "lung"
disease = "disease"
tumour = "tumour\""""
    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (truth, [2])}, predictions={"LK": found}, scoring=scoring
    )
    rows = _score(root, variant="LK").set_index(["metric", "structure", "reader"])["value"]
    assert rows["extent", "disease", "truth"] == pytest.approx(100 * 6 / (12 + 4 + 1))  # annotated slice
    assert rows["extent", "disease", ""] == pytest.approx(100 * 6 / (48 + 4 + 1))  # whole image
    assert rows["reference_extent", "disease", "truth"] == pytest.approx(100 * 3 / 12)
    assert rows["tumour_overlap", "lung", "truth"] == pytest.approx(1 / 4)
    assert rows["false_positives_outside_lung", "disease", "truth"] == pytest.approx(4 * 0.025)
    assert rows["volume", "right_lung", ""] == pytest.approx((24 - 2 + 1) * 0.025)
    assert set(rows.index.get_level_values("metric")) == set(metrics.strip("[]").replace('"', "").split(", "))
    counts = rows.groupby("metric").size()
    assert counts["extent"] == 2
    assert counts["tumour_overlap"] == 1
    missed = _score(root, variant="MK").set_index(["metric", "structure", "reader"])["status"]
    assert missed["tumour_overlap", "lung", "truth"] == "missing"
    assert missed["volume", "lung", ""] == "missing"


def test_a_case_without_tumour_is_not_missed(tmp_path: Path) -> None:
    scoring = """metrics = ["tumour_overlap"]
unions = { lung = ["right_lung", "left_lung"] }
references = { tumour = ["tumour"] }
lung = "lung"
tumour = "tumour\""""
    root = write_scoring_run(
        tmp_path / "run", readers={"truth": (lungs(), None)}, predictions={"LK": lungs()}, scoring=scoring
    )
    rows = _score(root).set_index("variant")
    assert rows.status.to_dict() == {"LK": "empty_reference", "MK": "empty_reference"}
    assert rows.value.isna().all()
    assert rows.loc["MK", "reason"] == "empty reference; prediction: file not found"


def test_distances_on_slices_that_are_no_neighbours_are_2d(tmp_path: Path) -> None:
    found = np.roll(lungs(), 1, axis=2)
    scoring = 'metrics = ["DSC", "HD", "HD95", "volume"]'
    for annotated, dimension in (([1, 3], "2d"), ([2, 3], "3d"), (None, "3d")):
        root = write_scoring_run(
            tmp_path / f"run{annotated}",
            readers={"truth": (lungs(), annotated)},
            predictions={"LK": found, "MK": found},
            scoring=scoring,
        )
        rows = _score(root, variant="LK", structure="right_lung", reader="truth").set_index("metric")
        assert rows.dimension.to_dict() == {"DSC": "3d", "HD": dimension, "HD95": dimension, "volume": "3d"}
        assert rows.loc["HD", "value"] == pytest.approx(2.0)
        assert rows.backend.to_dict() == {"DSC": "numpy", "HD": "ctshift", "HD95": "ctshift", "volume": "numpy"}


def test_both_dimensions_on_request(tmp_path: Path) -> None:
    found = lungs()
    found[1, 2, 1:4] = 0  # half of the right lung on one of four slices
    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": (lungs(), None)},
        predictions={"LK": found, "MK": found},
        scoring='metrics = ["DSC", "volume"]\ndimensions = ["3d", "2d"]',
    )
    rows = _score(root, variant="LK", structure="right_lung", reader="truth").set_index(["metric", "dimension"])
    assert rows.loc[("DSC", "3d"), "value"] == pytest.approx(2 * 21 / 45)
    assert rows.loc[("DSC", "2d"), "value"] == pytest.approx((2 * 3 / 9 + 3) / 4)
    assert ("volume", "2d") not in rows.index


def test_the_tolerance_is_in_the_definition(tmp_path: Path) -> None:
    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": (lungs(), None)},
        predictions={"LK": lungs(), "MK": lungs()},
        scoring='metrics = ["NSD"]\nnsd_tolerance_mm = 2.5',
    )
    assert (
        _score(root, variant="LK", structure="left_lung").iloc[0].definition.endswith("at most 2.5 mm from the other")
    )


def test_images_and_results(tmp_path: Path) -> None:
    from analysis import evaluate

    root = write_scoring_run(
        tmp_path / "run",
        readers={"truth": (lungs(), None)},
        predictions={"LK": lungs(), "MK": lungs()},
        scoring=LUNG,
        covariates={"age_years": 61.0, "sex": "female", "fvc": None},
    )
    images = list_images(open_run(root))
    assert images[["variant", "slices", "lung_slices", "kernel"]].values.tolist() == [
        ["LK", 6, 4, "B70f"], ["MK", 6, 4, "B30f"],
    ]  # fmt: skip
    assert evaluate.main([str(root)]) == 0
    results = read_results(root)
    assert results.images.lung_slices.tolist() == [4, 4]
    case = results.cases.iloc[0]
    assert (case.patient, case.role, case.age_years, case.sex) == ("P1", "test", 61.0, "female")
    assert np.isnan(case.fvc)
    assert results.training[["arm", "case", "variant"]].values.tolist() == [["LK", "P1", "LK"]]


def test_lung_slices_are_unknown_without_a_reader_of_every_slice(tmp_path: Path) -> None:
    root = write_scoring_run(
        tmp_path / "run", readers={"reader1": (lungs(), [1, 2])}, predictions={"LK": lungs()}, scoring=LUNG
    )
    (root / "images/P1-MK_0000.nii.gz").write_bytes(b"damaged")
    images = list_images(open_run(root))
    assert images.lung_slices.isna().all()
    assert images.slices.isna().tolist() == [False, True]


def test_masks_are_made_once_and_only_when_asked_for() -> None:
    made: list[str] = []

    def make(structure: str) -> np.ndarray:
        made.append(structure)
        return np.zeros((1, 1, 1), bool)

    masks = LazyMasks(["a", "b"], make)
    assert "a" in masks
    assert list(masks) == ["a", "b"]
    assert not made
    assert masks["a"] is masks["a"]
    assert made == ["a"]
    with pytest.raises(KeyError):
        masks["c"]
    assert "a" in names_without_masks(["a"])


def test_slices_restrict_to_what_all_readers_annotated() -> None:
    sparse, other, whole = _reader("a", [0, 2, 3]), _reader("b", [1, 2, 3]), _reader("c", None)
    assert shared_index([whole]) is None
    index = shared_index([sparse, other, whole])
    assert index is not None
    assert index.tolist() == [2, 3]
    for reader in (sparse, whole):
        kept = restrict(reader, index, slices="annotated")
        assert kept.masks is not None
        assert kept.masks["x"][:, 0, 0].tolist() == [False, True]
        assert kept.contiguous
    assert not sparse.contiguous
    assert whole.contiguous


def test_a_repeat_of_a_reader_who_is_not_there_is_a_reader() -> None:
    readers, repeats = split_repeats([_reader("a", None), _reader("a_repeat2", None), _reader("b_repeat", None)])
    assert [entry.reader for entry in readers] == ["a", "b_repeat"]
    assert [(first.reader, again.reader) for first, again in repeats] == [("a", "a_repeat2")]


def _reader(name: str, annotated: list[int] | None, *, depth: int = 4) -> ReaderReference:
    """Return a reader whose structure x is on the last slice."""
    from analysis.label_map import LabelMap

    labels = np.zeros((depth, 2, 2), np.uint8)
    labels[-1] = 1
    index = None if annotated is None else np.array(annotated, dtype=np.intp)
    mask = (labels if index is None else labels[index]) == 1
    grid = LabelMap(labels, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    return ReaderReference(name, "all" if index is None else "annotated", grid=grid, index=index, masks={"x": mask})
