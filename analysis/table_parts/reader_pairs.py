"""Every pair that is compared: two readers, two readings of one, a model and a reader, a model and all readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.score_rows import mean_by
from analysis.statistics.bland_altman import BlandAltman, bland_altman
from analysis.statistics.icc import intraclass_correlation
from analysis.statistics.interval import Interval
from analysis.statistics.summary import summarise
from analysis.table_parts.frames import places_by
from analysis.table_parts.metric_notes import count_note, reader_count_note
from analysis.table_parts.note_words import MISSED, prediction_notes
from analysis.table_parts.reader_names import in_order, spoken_reader
from analysis.table_parts.reader_volumes import BLOCK, Key, VolumeBlock
from benchmarks.study import Study

Floats: TypeAlias = npt.NDArray[np.float64]
PAIR = ["kind", "first", "second", "trainer", "recipe"]
ALL = "all readers"
NO_VOLUMES = {"readers": "", "repeat": "volumes of repeated readings are not scored"}
KINDS = ("reader", "readers", "repeat", "model", "model with all")


@dataclass(frozen=True)
class Pair:
    """A pair of a block: ``kind`` is one of ``KINDS``, ``first`` and ``second`` name readers, ``recipe`` a model."""

    kind: str
    first: str
    second: str
    trainer: str
    recipe: str

    def label(self, models: Mapping[Key, str]) -> str:
        """Return the row name."""
        first = "All readers" if self.first == ALL else spoken_reader(self.first)
        if self.kind == "readers":
            return "All pairs of readers"
        if self.kind == "repeat":
            return f"{first}, repeated reading ({self.second})"
        second = spoken_reader(self.second) if self.kind == "reader" else models[self.trainer, self.recipe]
        return f"{first} vs. {second}"

    def volumes(self, block: VolumeBlock) -> Floats:
        """Return both volumes per patient (n, 2), for all pairs of readers each reader's (n, readers)."""
        model = (self.trainer, self.recipe)
        if self.kind == "model":
            return block.with_reader(model, self.first)
        if self.kind == "model with all":
            return block.with_all(model, block.readers)
        return block.of_readers(block.readers if self.kind == "readers" else [self.first, self.second])

    def bland_altman(self, volumes: Floats) -> BlandAltman:
        """Return the analysis of second minus first against their mean; only for two volumes."""
        if self.kind in ("readers", "repeat") or not len(volumes):
            return BlandAltman(len(volumes), reason=NO_VOLUMES.get(self.kind, "no volumes on the same slices"))
        return bland_altman(volumes[:, 1] - volumes[:, 0], volumes.mean(axis=1))

    def icc(self, volumes: Floats) -> Interval | None:
        """Return the intraclass correlation of all readers, or of a model with their mean; None for other pairs."""
        if self.kind not in ("readers", "model with all") or not len(volumes):
            return None
        return intraclass_correlation(volumes)


def overlaps(values: pd.DataFrame) -> dict[Key, dict[Pair, dict[str, Any]]]:
    """Return, for each structure, test set and dataset, the pairs with the distribution of their patients' values.

    Parameters
    ----------
    values : DataFrame
        ``aggregate.reader_values`` of one metric.
    """
    values = values.assign(trainer=values["trainer"].astype(str), recipe=values["recipe"].astype(str))
    readers, models = values[values["kind"].eq("reader")], values[values["kind"].eq("model")]
    values = values.assign(second=values["second"].where(values["kind"].ne("model"), ""))
    everyone = readers.assign(kind="readers", first=ALL, second=ALL)
    with_all = models.assign(kind="model with all", first=ALL, second="")
    rows = pd.concat([values, _of_several(everyone, readers, ["second"]), _of_several(with_all, models, [])])
    means = mean_by(rows, [*BLOCK, *PAIR, "patient"], column="value")
    missed = (rows["status"].isin(MISSED) & rows["recipe"].ne("")).to_numpy()
    undefined = rows["value"].isna().to_numpy()
    places_of = places_by(rows, [*BLOCK, *PAIR])
    numbers = means["value"].to_numpy(dtype=np.float64)
    found: dict[Key, dict[Pair, dict[str, Any]]] = {}
    for key, places in places_by(means, [*BLOCK, *PAIR]).items():
        summary = summarise(numbers[places])
        statistics = {name: getattr(summary, name) for name in ("n", "median", "q1", "q3", "infinite")}
        counts = {"missed": int(missed[places_of[key]].sum()), "undefined": int(undefined[places_of[key]].sum())}
        found.setdefault(key[: len(BLOCK)], {})[Pair(*key[len(BLOCK) :])] = statistics | counts
    return {block: dict(_sorted(pairs)) for block, pairs in found.items()}


def pair_count_notes(values: pd.DataFrame, study: Study, *, metric: str) -> list[str]:
    """Say how many values of models and of readers there are, each once whatever test sets take it.

    Parameters
    ----------
    values : DataFrame
        The printed rows of ``aggregate.reader_values`` of this metric.
    """
    slices = values["test_set"].map({entry.name: entry.slices for entry in study.test_sets})
    keys = ["structure", "kind", "first", "second", "trainer", "recipe", "dataset", "case", "variant", "slices"]
    distinct = values.assign(slices=slices).drop_duplicates(keys)
    of_model = distinct["kind"].eq("model")
    models, readers = distinct[of_model], distinct[~of_model]
    notes = prediction_notes(models)
    notes += [count_note(models, metric, what="values (models x readers x images x structures)")] if len(models) else []
    return notes + ([reader_count_note(readers, metric)] if len(readers) else [])


def _of_several(rows: pd.DataFrame, of: pd.DataFrame, also: list[str]) -> pd.DataFrame:
    """Keep the blocks in which there is more than one pair to average."""
    keys = [*BLOCK, "trainer", "recipe"]
    names = of["first"] if not also else of["first"] + "\n" + of["second"]
    several = names.groupby([of[key] for key in keys]).transform("nunique") > 1
    return rows[several.to_numpy()] if len(rows) else rows


def _sorted(pairs: Mapping[Pair, dict[str, Any]]) -> Iterator[tuple[Pair, dict[str, Any]]]:
    """Yield the pairs of readers, then repeats, then each model with its readers, in the order of first appearance."""
    models = list(dict.fromkeys((pair.trainer, pair.recipe) for pair in pairs))
    order = in_order([name for pair in pairs for name in (pair.first, pair.second)])

    def rank(pair: Pair) -> tuple[bool, int, int, int, int]:
        place = models.index((pair.trainer, pair.recipe))
        return (bool(pair.recipe), place, KINDS.index(pair.kind), order.index(pair.first), order.index(pair.second))

    for pair in sorted(pairs, key=rank):
        yield pair, pairs[pair]
