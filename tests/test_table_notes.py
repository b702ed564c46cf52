"""What the notes of the tables count and say: predictions once, words of missed values, definitions of the scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_scores import frame, score, two_kernel_study
from table_scores import RESNET, UNET, full_results, full_study, in_memory, row, rows_frame

from analysis import make_tables
from analysis.errors import NotApplicableError
from analysis.results import Results, results_in_memory
from analysis.table_parts.metric_notes import count_note, definition_note
from analysis.table_parts.note_words import missed_words, no_distance_words, sentence
from analysis.table_parts.score_tallies import TALLIES, tallied_rows
from analysis.tables import (
    agreement,
    diversity_table3,
    kernel_table1,
    kernel_table1_tests,
    ssc_table2,
    standardisation_table2,
    standardisation_table4,
)

TABLES = make_tables.find_tables()
STATUSES = ("ok", "empty_prediction", "empty_reference", "both_empty", "missing", "no_reference", "ok")
VALUES = (0.8, 0.0, 0.0, np.nan, np.nan, np.nan, np.nan)


@pytest.fixture
def two_missing(tmp_path: Path) -> Results:
    """Return a run in which a model of each trainer has no prediction of one image, with many scores each."""
    results = full_results(tmp_path, patients=3)
    study = replace(results.study, baselines=())
    scores = results.scores[results.scores["trainer"].ne("centred_ellipsoid")].copy()
    image = scores["dataset"].eq("routine") & scores["patient"].eq("P01") & scores["variant"].eq("LK")
    gone = image & scores["arm"].eq("RR") & scores["trainer"].isin((UNET, RESNET))
    scores.loc[gone, ["value", "status"]] = (np.nan, "missing")
    return in_memory(study, scores)


def all_statuses(tmp_path: Path) -> Results:
    """Return one score of each status on the lung kernel, the last defined though without a value."""
    rows = [
        score(value, patient=f"P{n}", status=status)
        for n, (value, status) in enumerate(zip(VALUES, STATUSES, strict=True))
    ]
    return results_in_memory(frame(rows), two_kernel_study(tmp_path))


def test_a_prediction_is_counted_once_whatever_is_scored_of_it(two_missing: Results) -> None:
    for module in (kernel_table1, kernel_table1_tests, ssc_table2, agreement):
        notes = [note for note in module.make(two_missing).notes if note.startswith("Predictions (one model on")]
        assert len(notes) == 1
        assert "2 of them missing or failed" in notes[0]


def test_cells_with_missing_predictions_are_named_once_with_their_trainer(two_missing: Results) -> None:
    notes = [note for note in kernel_table1.make(two_missing).notes if "predictions missing or failed" in note]
    assert notes == [
        f"{trainer}, RR36, Sharp kernel, Routine: 1 of 3 predictions missing or failed."
        for trainer in ("U-net", "ResU-net")
    ]


def test_counts_of_scores_add_up(tmp_path: Path) -> None:
    results = all_statuses(tmp_path)
    table = kernel_table1.make(results)
    note = next(note for note in table.notes if note.startswith("Scores (one per prediction"))
    assert note == (
        "Scores (one per prediction, reader and structure): 7; 4 with a value; missed 2 (1 without a prediction, 1 "
        "empty), counted as 0; nothing to find 1, counted as 0; both masks empty 1, left out; no reference 1, left "
        "out; without a value 1, left out."
    )
    tallied = tallied_rows(results.scores, results.study)
    parts = tallied[["defined", "undefined", "no_reference", "without_value"]].sum(axis=1)
    assert parts.eq(tallied["scored"]).all()
    assert set(TALLIES) <= set(table.frame.columns)


def test_notes_of_table1_are_about_its_cells(tmp_path: Path) -> None:
    results = full_results(tmp_path, patients=2)
    table = kernel_table1.make(results)
    text = "\n".join(table.notes)
    assert "Not printed here, scored on lung slices LTRC, RRT; on all slices LTRC, RRT." in table.notes
    assert "only slices on which the reference shows" not in text
    # Per patient: two models on three kernels and the ellipsoid on one; each for two readers and two structures.
    assert "Predictions (one model on one image): 14, 1 of them missing or failed." in table.notes
    assert any(
        note.startswith("Scores (one per prediction, reader and structure): 56; 56 with") for note in table.notes
    )
    assert "Ellipsoid, Sharp kernel, Routine: 1 of 2 predictions missing or failed." in table.notes


def test_cells_without_a_value_are_named_only_where_they_are_printed(tmp_path: Path) -> None:
    results = full_results(tmp_path, patients=2)
    note = next(note for note in kernel_table1.make(results).notes if "no value (" in note)
    assert "-lung" not in note
    assert "LTRC" not in note
    assert note == (
        "–: no value (8 of 24 cells: lungs, Ellipsoid, Soft kernel, Routine; lungs, Ellipsoid, Standardised, Routine; "
        "disease, Ellipsoid, Soft kernel, Routine; disease, Ellipsoid, Standardised, Routine)."
    )


def test_pools_of_one_label_have_their_own_notes(tmp_path: Path) -> None:
    study = full_study(tmp_path)
    first, second = study.tables.pools
    pools = (
        replace(first, label="All", note="lung slices"),
        replace(second, label="All", note="routine only"),
        replace(second, name="volumes", label="All", test_sets=("pub-all", "rou-all"), note="whole volumes"),
    )
    sets = tuple(replace(entry, label="Tum." if entry.name == "rou-lung" else entry.label) for entry in study.test_sets)
    study = replace(study, test_sets=sets, tables=replace(study.tables, pools=pools))
    rows = [row(0.8, dataset=dataset) for dataset in ("public", "routine")]
    notes = diversity_table3.make(in_memory(study, rows_frame(rows))).notes
    assert [note for note in notes if note.startswith("All:")] == [
        "All: 2 cases of LTRC, Tum. lung slices.", "All: 1 cases of Tum. routine only.",
    ]  # fmt: skip


def test_definition_is_that_of_the_scores(tmp_path: Path) -> None:
    study = full_study(tmp_path)
    study = replace(study, scoring=replace(study.scoring, nsd_tolerance_mm=2.5))
    rows = rows_frame([row(0.8, metric="NSD")])
    assert "at most 2.5 mm" in definition_note(in_memory(study, rows), "NSD")
    written = rows.assign(definition="share within 7 mm")
    assert definition_note(in_memory(study, written), "NSD") == "NSD: normalised surface distance, share within 7 mm."


@pytest.mark.parametrize("name", TABLES)
def test_no_note_has_a_placeholder(name: str, tmp_path: Path) -> None:
    results = full_results(tmp_path, patients=4)
    metrics = ("NSD", *results.study.scoring.metrics)
    study = replace(results.study, name="ssc_ild_2020", scoring=replace(results.study.scoring, metrics=metrics))
    distances = results.scores[results.scores["metric"].eq("DSC")].assign(metric="NSD")
    scores = pd.concat([results.scores, distances]).assign(study="ssc_ild_2020")
    try:
        table = TABLES[name].make(replace(results, study=study, scores=scores))
    except NotApplicableError as reason:
        pytest.fail(f"{name}: {reason}")
    assert table.notes
    assert not [note for note in table.notes if "{" in note or "}" in note or ".." in note.replace("...", "")]


def test_words_of_missed_values() -> None:
    status = pd.Series(["ok", "missing", "failed", "empty_prediction", "empty_prediction", "empty_prediction"])
    assert missed_words(status) == "missed 5 (2 without a prediction, 3 empty)"
    assert missed_words(pd.Series(["ok", "empty_reference"])) == ""
    assert sentence("ILD, Tum.") == "ILD, Tum."
    assert sentence("ILD, Tumour") == "ILD, Tumour."


def test_reasons_of_infinite_distances_are_told_apart() -> None:
    status = ["missing", "empty_prediction", "empty_reference", "ok", "ok", "both_empty"]
    values = pd.DataFrame({"value": [np.inf, np.inf, np.inf, np.inf, 3.0, np.nan], "status": status})
    words = "4 without distance (2 missed, 1 nothing to find, 1 slice by slice, one mask on a slice)"
    assert no_distance_words(values) == words
    assert count_note(values, "HD95") == (
        "HD95: 6 cases, 5 with a value; missed 2 (1 without a prediction, 1 empty), counted as infinite; nothing to "
        f"find 1, counted as infinite; {words}, not in a mean ± SD but in every median; 1 without a value, left out."
    )


def test_repeated_readings_have_no_volumes(tmp_path: Path) -> None:
    table = agreement.make(full_results(tmp_path, patients=3))
    repeats = table.frame[table.frame["kind"].eq("repeat") & table.frame["metric"].eq("DSC")]
    assert set(repeats["volume_reason"]) == {"volumes of repeated readings are not scored"}
    assert f"Not defined in {len(repeats)} rows: volumes of repeated readings are not scored." in table.notes


def test_agreement_says_how_many_values_count(tmp_path: Path) -> None:
    words = {"slices": "annotated", "reader": "reader1"}
    statuses = ["ok", "empty_prediction", "missing", "both_empty"]
    rows = [
        row(value, patient=f"P{n}", status=status, **words)
        for n, (value, status) in enumerate(zip([0.8, 0.0, np.nan, np.nan], statuses, strict=True))
    ]
    pair = {"trainer": "reader", "arm": "reader2", "variant": "", "variant_kind": ""}
    rows += [
        row(0.0, status="empty_prediction", **words, **pair),
        row(np.nan, patient="P2", status="both_empty", **words, **pair),
    ]
    notes = agreement.make(in_memory(full_study(tmp_path), rows_frame(rows))).notes
    assert (
        "DSC: 4 values (models x readers x images x structures), 3 with a value; missed 2 (1 without a prediction, 1 "
        "empty), counted as 0; 1 without a value, left out."
    ) in notes
    assert (
        "DSC: 2 values of readers with each other, 1 with a value; 1 where only one contoured something; 1 without a "
        "value (both empty, or no annotation), left out."
    ) in notes


def test_standardisation_tables_say_how_many_are_missing(tmp_path: Path) -> None:
    own = {"reader": "own-LK", "slices": "all"}
    rows = [
        row(10.0 * n + shift, metric=metric, patient=f"P{n}", variant=variant, **own)
        for n in range(4)
        for variant, shift in (("MK", 0.3), ("SK", 0.2))
        for metric in ("volume", "reference_volume")
    ]
    rows += [row(0.2 * n, patient=f"P{n}", variant=variant, **own) for n in range(4) for variant in ("MK", "SK")]
    scores = rows_frame(rows)
    scores.loc[scores["patient"].eq("P1") & scores["variant"].eq("MK"), ["value", "status"]] = (np.nan, "missing")
    results = in_memory(full_study(tmp_path), scores)
    assert (
        "DSC: 8 scores (models x images), 8 with a value; missed 1 (1 without a prediction, 0 empty), counted as 0."
    ) in standardisation_table2.make(results).notes
    section = standardisation_table4.make(results).printed()[0]
    assert section.heads()[-1][-1] == "n"
    assert section.rows()[0][-1] == "3, 4"
