"""Conformance of every figure on a run in which each finds what it asks for, and what Figure 1 chooses to show."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from analysis_run import ANNOTATED, write_run
from analysis_scores import frame, score, two_kernel_study
from figure_checks import overlapping_texts, shown_texts, smallest_text, texts_outside
from figure_run import with_sharpness, write_figure_run
from matplotlib.collections import PathCollection

from analysis import evaluate, make_figures
from analysis.aggregate import patient_values
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult
from analysis.figure_index import FigureOutcome
from analysis.figure_parts.case_choice import median_patient
from analysis.figure_style import COLUMN_MM, MM_PER_INCH, PAGE_HEIGHT_MM, PAGE_MM, SMALL_POINTS, STYLE
from analysis.results import Results, read_results, results_in_memory

FIGURES = make_figures.find_figures()
SHOW_IMAGES = {"diversity_figure1", "diversity_figure2", "diversity_figure3", "kernel_figure1", "ssc_figure4"}
NEED_PREDICTIONS = {"sharpness_distance", "diversity_figure2", "diversity_figure3", "ssc_figure4", "ssc_figure5"}
Made = tuple[Path, dict[str, FigureOutcome]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_figure_run(tmp_path_factory.mktemp("figures"))
    assert evaluate.main([str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def results(run: Path) -> Results:
    return with_sharpness(read_results(run))


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, tuple[FigureResult, ...]]:
    with matplotlib.rc_context(STYLE):
        return {name: module.make(results) for name, module in FIGURES.items()}


@pytest.fixture(scope="module")
def written(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_figures, "DOTS_PER_INCH", 30)
        outcomes = make_figures.make_all(results, folder)
    return folder, {entry.name: entry for entry in outcomes}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_written_in_every_format(name: str, written: Made) -> None:
    folder, outcomes = written
    assert outcomes[name].drawn, outcomes[name].reason
    for drawing in outcomes[name].drawn:
        content = {suffix: (folder / f"{drawing.name}.{suffix}").read_bytes() for suffix in ("pdf", "svg", "png")}
        assert content["pdf"].startswith(b"%PDF")
        assert content["png"].startswith(b"\x89PNG")
        assert b"<svg" in content["svg"]
        assert len(pd.read_csv(folder / f"{drawing.name}.csv")) > 0
        assert (folder / f"{drawing.name}.txt").read_text(encoding="utf-8").strip() == drawing.caption
        assert "{" not in drawing.caption


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_read(name: str, drawn: dict[str, tuple[FigureResult, ...]]) -> None:
    for result in drawn[name]:
        width_mm, height_mm = result.figure.get_size_inches() * MM_PER_INCH
        assert width_mm == pytest.approx(COLUMN_MM) or width_mm == pytest.approx(PAGE_MM)
        assert height_mm <= PAGE_HEIGHT_MM
        with matplotlib.rc_context(STYLE):
            assert smallest_text(result.figure) >= SMALL_POINTS
            assert overlapping_texts(result.figure) == []
            assert texts_outside(result.figure) == []


@pytest.mark.parametrize("name", FIGURES)
def test_figure_names_no_patient(name: str, drawn: dict[str, tuple[FigureResult, ...]], results: Results) -> None:
    patients = set(results.cases["patient"])
    for result in drawn[name]:
        words = [result.caption, *(text.get_text() for text, _ in shown_texts(result.figure))]
        assert not [text for text in words if any(patient in text for patient in patients)]


@pytest.mark.parametrize("name", FIGURES)
def test_same_scores_give_same_bytes(name: str, results: Results) -> None:
    before = dict(matplotlib.rcParams)
    first, second = _svg(name, results), _svg(name, results)
    assert first == second
    assert dict(matplotlib.rcParams) == before


def _svg(name: str, results: Results) -> bytes:
    with matplotlib.rc_context(STYLE):
        result = FIGURES[name].make(results)[0]
        stream = io.BytesIO()
        result.figure.savefig(stream, format="svg", dpi=30, metadata=make_figures.UNDATED[".svg"])
        return stream.getvalue() + result.frame.to_csv(index=False).encode()


@pytest.mark.parametrize("name", FIGURES)
def test_figure_says_what_it_needs(name: str, tmp_path: Path) -> None:
    bare = results_in_memory(frame([score(1.0, metric="volume")]), two_kernel_study(tmp_path))
    with pytest.raises(NotApplicableError, match=r"^needs "):
        FIGURES[name].make(bare)


@pytest.mark.parametrize("name", sorted(SHOW_IMAGES))
def test_figure_of_images_needs_a_run(name: str, results: Results) -> None:
    without = Results(results.study, results.scores, results.cases, results.images, results.training)
    with pytest.raises(NotApplicableError, match="images"):
        FIGURES[name].make(without)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_survives_missing_predictions(name: str, tmp_path: Path) -> None:
    write_figure_run(tmp_path)
    for path in (tmp_path / "predictions").rglob("*.nii.gz"):
        path.unlink()
    assert evaluate.main([str(tmp_path)]) == 0
    with matplotlib.rc_context(STYLE):
        if name in NEED_PREDICTIONS:
            with pytest.raises(NotApplicableError, match=r"^needs .*(prediction|score|model)"):
                FIGURES[name].make(read_results(tmp_path))
        else:
            assert all(len(result.frame) for result in FIGURES[name].make(read_results(tmp_path)))


@pytest.mark.parametrize(
    ("name", "columns"),
    [("box_plots", ["value"]), ("diversity_figure4", ["overlap_percent"]), ("paired_differences", ["difference"]),
     ("sharpness_distance", ["absolute", "value"]),
     ("ssc_figure5", ["lung_function", "extent_percent"]), ("reader_agreement", ["value"]),
     ("standardisation_figure4_5", ["reference_ml", "difference_percent"])],
)  # fmt: skip
def test_csv_holds_the_points(name: str, columns: list[str], drawn: dict[str, tuple[FigureResult, ...]]) -> None:
    """Every finite value of the CSV is a point, and every point is in the CSV."""
    for result in drawn[name]:
        if "matrix" in result.name:
            continue
        table = pd.read_csv(io.StringIO(result.frame.to_csv(index=False)))
        kept = next((table[column] for column in ("shown", "drawn") if column in table), pd.Series(True, table.index))
        wanted = table.loc[kept & np.isfinite(table[columns]).all(axis=1), columns].to_numpy()
        axis = {1: [0] if name == "paired_differences" else [1], 2: [0, 1]}[len(columns)]
        points = np.concatenate([np.asarray(entry.get_offsets())[:, axis] for entry in _scatters(result)])
        np.testing.assert_allclose(_sorted(points), _sorted(wanted), rtol=1e-12)
        assert len(wanted) > 0 or "HD95" in result.name


def _scatters(result: FigureResult) -> list[PathCollection]:
    return [entry for axes in result.figure.axes for entry in axes.collections if isinstance(entry, PathCollection)]


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize(("name", "column"), [("cross_kernels", "mean"), ("cross_datasets", "mean")])
def test_csv_holds_the_cells(name: str, column: str, drawn: dict[str, tuple[FigureResult, ...]]) -> None:
    for result in drawn[name]:
        digits = 1 if "HD95" in result.name else 2
        texts = [text.get_text().split("\n")[0] for text, _ in shown_texts(result.figure) if text.axes is not None]
        words = [f"{value:.{digits}f}" if np.isfinite(value) else "no value" for value in result.frame[column]]
        assert sorted(set(words) & set(texts)) == sorted(set(words))
        assert sum(text in words for text in texts) == len(words)


@pytest.mark.parametrize("name", sorted(SHOW_IMAGES - {"diversity_figure3"}))
def test_csv_holds_the_scores_below_pictures(name: str, drawn: dict[str, tuple[FigureResult, ...]]) -> None:
    for result in drawn[name]:
        below = sorted(text.get_text() for text, _ in shown_texts(result.figure) if text.get_text().startswith("DSC "))
        assert below == sorted(f"DSC {value:.2f}" for value in result.frame["dice"])


def test_missed_predictions_are_written_beside_the_boxes(drawn: dict[str, tuple[FigureResult, ...]]) -> None:
    for result in drawn["box_plots"]:
        texts = [text.get_text() for text, _ in shown_texts(result.figure)]
        column, words = ("no_distance", "without distance") if "HD95" in result.name else ("missed", "missed")
        lost = result.frame.groupby(["test_set", "dataset", "recipe"])[column].sum()
        assert sorted(text for text in texts if text.endswith(("missed", "without distance"))) == sorted(
            f"{number} {words}" for number in lost[lost > 0]
        )
        assert result.frame["missed"].sum() == lost.sum() == 2


def test_unpaired_study_shows_one_patient_per_kernel(tmp_path: Path) -> None:
    folder = write_run(tmp_path, patients=6, paired=False)
    assert evaluate.main([str(folder)]) == 0
    (result,) = FIGURES["kernel_figure1"].make(read_results(folder))
    patients = result.frame.groupby("test_set")["patient"].unique()
    assert patients["LK"][0] in ("P001", "P003", "P005")
    assert patients["MK"][0] in ("P002", "P004", "P006")
    assert "different patients" in result.caption


def test_unpaired_study_has_no_differences_between_its_kernels(tmp_path: Path) -> None:
    folder = write_run(tmp_path, patients=6, paired=False)
    assert evaluate.main([str(folder)]) == 0
    result = FIGURES["paired_differences"].make(read_results(folder))[0]
    assert result.frame["test_set_1"].eq(result.frame["test_set_2"]).all()


def test_dice_below_a_picture_is_the_score_of_that_prediction(tmp_path: Path) -> None:
    folder = write_run(tmp_path, patients=4)
    assert evaluate.main([str(folder)]) == 0
    results = read_results(folder)
    scores = results.scores[results.scores.metric.eq("DSC")]
    (result,) = FIGURES["kernel_figure1"].make(results)
    shown = result.frame.iloc[0]
    rows = scores[scores.patient.eq(shown.patient) & scores.variant.eq(shown.variant) & scores.arm.eq(shown.arm)]
    assert shown.dice == pytest.approx(rows.value.mean())
    assert shown.slice_z in ANNOTATED


def test_median_patient(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    rows = [score(value, patient=name, variant=variant) for variant in ("LK", "MK") for name, value in
            {"a": 0.9, "b": 0.2, "c": 0.5, "d": 0.6, "e": 0.55}.items()]  # fmt: skip
    scores = frame(rows)
    chosen = median_patient(scores, patient_values(scores, study), study, test_sets=["LK", "MK"])
    assert chosen == "e"
    scores.loc[scores.patient.eq("e") & scores.variant.eq("MK"), ["status", "value"]] = ("missing", np.nan)
    assert median_patient(scores, patient_values(scores, study), study, test_sets=["LK", "MK"]) == "c"
    assert median_patient(frame([]), patient_values(frame([]), study), study, test_sets=["LK"]) is None
