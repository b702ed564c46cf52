"""Agreement of models with readers, of readers with each other, and of a reader with their own second reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.aggregate import blocks, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.arm_style import ArmStyle, arm_styles
from analysis.figure_parts.box_groups import Box, Group, Scale, draw_box_groups
from analysis.figure_parts.heat_map import Cell, ColourScale, Panel, draw_heat_maps
from analysis.figure_parts.words import MISSED, missed_words, test_set_labels, value_label
from analysis.figure_style import INK, SOFT_INK
from analysis.results import Results
from analysis.score_rows import mean_by
from analysis.shared_values import shared_reader_values
from analysis.table_parts.note_words import MISSED as MISSED_STATUS
from benchmarks.study import Study

NAME = "reader_agreement"
TITLE = "Agreement between models and readers"
METRIC = "DSC"
PAIR, REPEAT = "reader", "repeat"
WORDS = {PAIR: "Reader and other reader", REPEAT: "Reader and own second reading"}
STYLES = {PAIR: ArmStyle(INK, "o", "-", ""), REPEAT: ArmStyle(SOFT_INK, "s", "-", "///")}
MODEL_WORDS = "{label}, and reader"
BOXES = (
    "Dice similarity coefficient of each patient (points): of each model with the readers, by test set, beside that of "
    "the readers with each other and of second readings with first ones; mean over pairs. Two readers are compared on "
    "the slices both annotated, a model with a reader on that reader's slices. Boxes: quartiles (R type 7) and median, "
    "from 3 patients; whiskers: range; more than 100 patients: a violin instead of points. Above a box: patients of "
    f"whom {MISSED} (k missed); it counts as 0."
)
MATRIX = (
    "Median over patients of the Dice similarity coefficient of each reader (columns) with each other reader, with "
    "second readings and with each model (rows). Frame: readers. Bright is high. k missed: patients of whom "
    f"{MISSED}; it counts as 0."
)


@dataclass(frozen=True)
class _Block:
    """The values of one trainer, structure and dataset: one row per pair and case."""

    parts: tuple[str, ...]
    values: pd.DataFrame


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return, for each trainer, structure and dataset with two readers, the boxes and the matrix of medians.

    Raises
    ------
    NotApplicableError
        If no examination was scored for two readers.
    """
    has_metric = METRIC in set(results.scores["metric"])
    values = shared_reader_values(results, metric=METRIC) if has_metric else pd.DataFrame({"kind": []})
    if not values["kind"].eq(PAIR).any():
        raise NotApplicableError("needs two readers of one examination scored against each other in DSC")
    figures: list[FigureResult] = []
    for block in _blocks(results.study, values):
        figures += _boxes(results.study, block)
        figures += _matrices(results.study, block)
    return tuple(figures)


def _blocks(study: Study, values: pd.DataFrame) -> Iterator[_Block]:
    paired = values[values["kind"].eq(PAIR)]
    datasets = [entry.name for entry in study.datasets if entry.name in set(paired["dataset"])]
    kinds = [entry.kind for entry in study.baselines]
    for trainer, structure, title in blocks(study):
        for dataset in datasets:
            rows = values[values["structure"].eq(structure) & values["dataset"].eq(dataset)]
            rows = rows[rows["trainer"].isin(["", trainer, *kinds])]
            if rows["kind"].eq(PAIR).any():
                yield _Block((*title.split(", "), dataset if len(datasets) > 1 else ""), rows)


def _boxes(study: Study, block: _Block) -> Iterator[FigureResult]:
    patients = _per_patient(block.values)
    labels = rows_of_study(study)
    words = WORDS | {name: MODEL_WORDS.format(label=label) for name, label in labels.items()}
    styles = STYLES | arm_styles(list(labels), baselines=[entry.name for entry in study.baselines])
    groups = [_group(patients, "readers", "Readers", list(WORDS))]
    names = test_set_labels(study)
    groups += [_group(patients, name, names[name], list(labels)) for name in names]
    shown = [group for group in groups if group.boxes]
    lowest = np.floor(10 * (patients["value"].min() - 0.02)) / 10
    scale = Scale(value_label(METRIC), max(-0.02, lowest), 1.02)
    sheets = draw_box_groups(shown, styles=styles, labels=words, scale=scale)
    for name, (figure, on_sheet) in zip(sheet_names(figure_name(NAME, *block.parts), sheets), sheets, strict=True):
        frame = patients[patients["group"].isin(on_sheet)].reset_index(drop=True)
        yield FigureResult(name, figure, frame, caption_of(TITLE, *block.parts, text=BOXES))


def _per_patient(values: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over pairs and cases of each patient; pairs of readers, the same for all test sets, once."""
    models = values[values["kind"].eq("model")]
    between = values[values["kind"].ne("model")].drop_duplicates(["kind", "first", "second", "patient", "case"])
    rows = pd.concat(
        [
            between.assign(group="readers", key=between["kind"]),
            models.assign(group=models["test_set"], key=models["recipe"]),
        ]
    )
    rows = rows.assign(pairs=1)
    keys = ["group", "key", "dataset", "patient"]
    means = mean_by(rows, keys, column="value")
    missed = rows[_is_missed(rows)][keys].drop_duplicates().assign(missed=True)
    means = means.merge(missed, on=keys, how="left")
    return means.assign(missed=means["missed"].eq(True))


def _is_missed(values: pd.DataFrame) -> pd.Series:
    """Return in which rows a model found nothing where the reader did; readers miss nothing here, they differ."""
    return values["kind"].eq("model") & values["status"].isin(MISSED_STATUS)


def _group(patients: pd.DataFrame, name: str, label: str, keys: Sequence[str]) -> Group:
    boxes = []
    sizes = set()
    for key in keys:
        rows = patients[patients["group"].eq(name) & patients["key"].eq(key)]
        defined = rows["value"].dropna()
        if len(defined):
            sizes.add(len(defined))
            boxes.append(Box(key, defined.to_numpy(dtype=np.float64), missed_words(int(rows["missed"].sum()))))
    size = f"{min(sizes)}–{max(sizes)}" if len(sizes) > 1 else "".join(map(str, sizes))
    return Group(name, f"{label}\nn = {size}", tuple(boxes))


def _matrices(study: Study, block: _Block) -> Iterator[FigureResult]:
    values = block.values
    readers = sorted({*values.loc[values["kind"].eq(PAIR), ["first", "second"]].to_numpy().ravel()})
    medians = _medians(values)
    names = test_set_labels(study)
    sets = [name for name in names if values.loc[values["kind"].eq("model"), "test_set"].eq(name).any()]
    panels = [
        _panel(study, medians[medians["test_set"].eq(name)], readers, name=name, title=names[name]) for name in sets
    ]
    sheets = draw_heat_maps(panels, scale=ColourScale(f"{value_label(METRIC)}, median over patients"))
    for name, (figure, on_sheet) in zip(
        sheet_names(figure_name(f"{NAME}_matrix", *block.parts), sheets), sheets, strict=True
    ):
        frame = medians[medians["test_set"].isin(on_sheet)].reset_index(drop=True)
        yield FigureResult(name, figure, frame, caption_of(TITLE, *block.parts, text=MATRIX))


def _medians(values: pd.DataFrame) -> pd.DataFrame:
    keys = ["test_set", "kind", "first", "second"]
    patients = mean_by(values, [*keys, "patient"], column="value")
    lost = values[_is_missed(values)].groupby(keys)["patient"].nunique()
    found = patients.groupby(keys, sort=False)["value"].agg(median="median", n="count").reset_index()
    index = pd.MultiIndex.from_frame(found[keys])
    return found.assign(missed=lost.reindex(index, fill_value=0).to_numpy())


def _panel(study: Study, medians: pd.DataFrame, readers: Sequence[str], *, name: str, title: str) -> Panel:
    found: dict[tuple[str, str], Cell] = {}
    for row in medians.to_dict("records"):
        between = row["kind"] == PAIR
        words = [
            f"{row['median']:.2f}" if row["n"] else "no value",
            *([missed_words(row["missed"])] if row["missed"] else []),
        ]
        cell = Cell(float(row["median"]), "\n".join(words), framed=row["kind"] != "model")
        found[str(row["second"]), str(row["first"])] = cell
        if between:
            found[str(row["first"]), str(row["second"])] = cell
    labels = rows_of_study(study)
    repeats = sorted(medians.loc[medians["kind"].eq(REPEAT), "second"].unique())
    models = [recipe for recipe in labels if (medians["kind"].eq("model") & medians["second"].eq(recipe)).any()]
    rows: Mapping[str, str] = {
        **{reader: _reader(reader) for reader in readers},
        **{reader: _reader(reader) for reader in repeats},
        **{recipe: labels[recipe] for recipe in models},
    }
    cells = tuple(tuple(found.get((row, reader)) for reader in readers) for row in rows)
    return Panel(name, title, tuple(rows.values()), tuple(map(_reader, readers)), cells)


def _reader(name: str) -> str:
    """Return ``Reader 1`` for ``reader1`` and ``Reader 1, repeat`` for ``reader1_repeat``."""
    words = name.replace("_repeat", ", repeat ").strip()
    return f"Reader {words.removeprefix('reader')}" if words.startswith("reader") else words
