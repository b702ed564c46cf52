"""Arms trained on emulated images are marked where tables and figures name them, and a footnote says what they are."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from analysis_run import write_run
from analysis_scores import frame, score, two_kernel_study
from matplotlib.figure import Figure

from analysis import evaluate, make_figures
from analysis.emulated_marks import emulated_notes, marked_study, shown_recipe
from analysis.figure import FigureResult
from analysis.make_tables import find_tables, write_table
from analysis.results import IMAGE_COLUMNS, Results, read_results, results_in_memory
from analysis.table_parts.model_rows import model_rows

NOTE = "¶ MK: emulated, not reconstructed. Arms trained on such images: MK, LK+MK."


def images(kind: str) -> pd.DataFrame:
    rows = [("phantom", "P1", "P1", "LK", "native", 9, 9), ("phantom", "P1", "P1", "MK", kind, 9, 9)]
    return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))


def results_of(folder: Path) -> Results:
    study = two_kernel_study(folder)
    study = replace(study, test_sets=tuple(entry for entry in study.test_sets if entry.name != "both"))
    kinds = {"LK": "native", "MK": "emulated"}
    rows = [
        score(0.5 + 0.1 * patient, arm=arm, variant=variant, variant_kind=kind, patient=f"P{patient}")
        for arm in ("LK", "MK", "LK+MK")
        for variant, kind in kinds.items()
        for patient in range(3)
    ]
    shown = images("emulated")
    return replace(results_in_memory(frame(rows), marked_study(study, shown)), images=shown)


def test_arms_and_test_sets_are_marked_once(tmp_path: Path) -> None:
    study = marked_study(results_of(tmp_path).study, images("emulated"))
    assert [arm.label for arm in study.arms] == [
        "Trained on lung kernel", "Trained on mediastinal kernel¶", "Trained on both kernels¶",
    ]  # fmt: skip
    assert [entry.label for entry in study.test_sets] == [
        "Applied on lung kernel", "Applied on mediastinal kernel¶",
    ]  # fmt: skip
    assert [shown_recipe(study, name) for name in ("LK", "MK", "ellipsoid")] == ["LK", "MK¶", "ellipsoid"]
    assert [row.label for row in model_rows(study)][:3] == ["LK", "MK¶", "LK+MK¶"]
    assert emulated_notes(study, images("emulated")) == (NOTE,)


@pytest.mark.parametrize("kind", ["native", "simulated"])
def test_what_a_scanner_or_a_phantom_made_is_not_marked(kind: str, tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    assert marked_study(study, images(kind)) == study
    assert emulated_notes(study, images(kind)) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [("kernel_table1", "Trained on both kernels¶"), ("cross_kernels", "LK+MK¶"), ("omnibus", "MK: emulated"),
     ("mixed_model", "MK: emulated")],
)  # fmt: skip
def test_every_table_says_what_was_not_reconstructed(name: str, words: str, tmp_path: Path) -> None:
    results = results_of(tmp_path)
    table = write_table(find_tables()[name], results, folder=tmp_path, footer="footer")
    assert table.notes[-1] == NOTE
    for suffix in ("md", "html"):
        assert words in (tmp_path / f"{name}.{suffix}").read_text(encoding="utf-8")
    assert r"\P{}" in (tmp_path / f"{name}.tex").read_text(encoding="utf-8")


def test_captions_say_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_figures, "DOTS_PER_INCH", 30)
    drawn = FigureResult("one", Figure(figsize=(1, 1)), pd.DataFrame({"x": [1]}), "Caption.")
    module = SimpleNamespace(NAME="one", TITLE="One", make=lambda results: (drawn,))
    make_figures.make_figure(module, results_of(tmp_path), tmp_path, known={"one": module})
    assert (tmp_path / "one.txt").read_text(encoding="utf-8") == f"Caption. {NOTE}\n"


def test_a_run_is_read_with_its_marks(tmp_path: Path) -> None:
    folder = write_run(tmp_path, patients=2)
    study, matrix = folder / "study.toml", folder / "matrix.json"
    both = '[[test_sets]]\nname = "both"\nlabel = "Applied on both kernels"\nvariants = ["LK", "MK"]\n'
    study.write_text(study.read_text().replace(both, ""))
    text = matrix.read_text().replace(
        '"variant": "MK",\n   "variant_kind": "simulated"', '"variant": "MK",\n   "variant_kind": "emulated"'
    )
    assert text != matrix.read_text()
    matrix.write_text(text)
    assert evaluate.main([str(folder)]) == 0
    results = read_results(folder)
    assert [arm.label[-1] for arm in results.study.arms] == ["l", "¶", "¶"]
    assert results.images["sharpness_lp_per_cm"].isna().all()
