"""What stands under every table that names a baseline of a HU range: its range, its lung and the kernels it saw."""

from collections.abc import Collection, Iterable

import pandas as pd

from analysis.results import Results
from analysis.table import TableResult
from analysis.table_parts.model_rows import model_rows
from benchmarks.study import Baseline

UNKNOWN = "not recorded"


def hu_range_notes(results: Results, table: TableResult) -> tuple[str, ...]:
    """Return one note for each baseline of a HU range that a table names."""
    words = set(_words(table))
    named = [
        entry.name
        for entry in results.study.baselines
        if entry.name in words or any(entry.label in word for word in words)
    ]
    return hu_range_notes_of(results, named)


def hu_range_notes_of(results: Results, names: Collection[str]) -> tuple[str, ...]:
    """Return the notes of those baselines of a HU range that have one of these names."""
    baselines = results.study.baselines
    return tuple(_note(results, entry) for entry in baselines if entry.kind == "hu_range" and entry.name in names)


def _words(table: TableResult) -> Iterable[str]:
    for name in table.frame:
        if not pd.api.types.is_numeric_dtype(table.frame[name]):
            yield from map(str, table.frame[name].unique())
    for section in table.printed():
        yield from (word for head in section.heads() for word in head)
        yield from (word for row in section.rows() for word in row)


def _note(results: Results, baseline: Baseline) -> str:
    images, refused = _images_of(results, baseline)
    low, high = (f"{value:g}".replace("-", "−") for value in baseline.hu_range)
    measured = _kernel_words(images) or "none"
    reasons = refused.value_counts()
    left = "; ".join(f"{number} images: {reason}" for reason, number in reasons.items())
    return (
        f"{baseline.label}: {low} to {high} HU within the lung of {_lung(results, baseline)}. Such shares depend on "
        f"the reconstruction kernel; kernels of its images: {measured}." + (f" Refused: {left}." if left else "")
    )


def _lung(results: Results, baseline: Baseline) -> str:
    if baseline.lung_from == "reference":
        return "the reference"
    recipe = next(arm.recipe for arm in results.study.arms if arm.name == baseline.lung_from)
    models = model_rows(results.study)
    model = next(row.label for row in models if (row.trainer, row.recipe) == (baseline.lung_trainer, recipe))
    variant = f" predicted on {' or '.join(baseline.lung_variants)}" if baseline.lung_variants else ""
    return f"{model}{variant}"


def _images_of(results: Results, baseline: Baseline) -> tuple[pd.DataFrame, pd.Series]:
    """Return the images the baseline measured with their facts, and the reason of each that it refused."""
    keys = ["dataset", "case", "variant"]
    scores = results.scores
    rows = scores[scores["trainer"].eq(baseline.kind) & scores["arm"].eq(baseline.name)]
    is_refused = rows["status"].eq("refused")
    reasons = rows[is_refused].drop_duplicates(keys)["reason"].str.removeprefix("prediction: ")
    measured = rows[~is_refused & rows["status"].ne("missing")][keys].drop_duplicates()
    return measured.merge(results.images, on=keys, how="left"), reasons


def _kernel_words(images: pd.DataFrame) -> str:
    """Return ``B30f (28 images), B30f emulated from B70f (31 images)``."""
    facts = {
        name: images.get(name, pd.Series("", index=images.index)).fillna("") for name in ("kernel", "emulated_from")
    }
    words = facts["kernel"].replace("", UNKNOWN)
    words = words.where(facts["emulated_from"].eq(""), words + " emulated from " + facts["emulated_from"])
    return ", ".join(f"{word} ({number} images)" for word, number in words.value_counts().items())
