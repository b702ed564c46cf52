"""All score rows of one examination: every model, reader, consensus and repeat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias

from analysis.lung_surroundings import read_surroundings
from analysis.mask_pair import Mask
from analysis.metric import Metric
from analysis.reference_masks import ReaderReference, leaves_voxels_open, read_references
from analysis.run_folder import RunFolder
from analysis.scoring.pair_scores import MetricScore, score_sides
from analysis.scoring.predictions import Prediction, own_reference, read_prediction
from analysis.scoring.references import choose_slices, make_consensus, split_repeats
from analysis.scoring.sides import compare, compare_readers, measure
from analysis.scoring.structures import reference_structures, scored_structures
from benchmarks.study import Study

Row: TypeAlias = dict[str, Any]
Order: TypeAlias = tuple[int, int]
MODEL_NAMES = ("arm", "trainer", "fold", "seed")
IMAGE_NAMES = ("dataset", "patient", "case", "variant", "variant_kind")
OPEN_NOTE = "; voxels that the reader left open are left out"
"""Ends every definition of a run in which a reader left voxels open, so that a run has one definition a metric."""


@dataclass(frozen=True)
class CaseTask:
    """One examination and its predictions: order in the matrix, entry of ``models``, image id; its readers if asked."""

    case: str
    number: int
    entries: tuple[tuple[Order, Mapping[str, Any], str], ...]
    readers: bool = True


class CaseReferences:
    """The references of one examination, read once, on the slices that are asked for."""

    def __init__(self, run: RunFolder, case: str) -> None:
        """Read every reader."""
        self._scoring = run.study.scoring
        self.entry: Mapping[str, Any] = run.matrix["references"][case]
        self.shown = reference_structures(run.study, self.entry)
        self.readers, self.repeats = split_repeats(read_references(run, self.entry))
        self._chosen: dict[str, list[ReaderReference]] = {}

    @cached_property
    def all(self) -> list[ReaderReference]:
        """The readers and each consensus of them; one reader alone needs none."""
        rules = self._scoring.consensus if len(self.readers) > 1 else ()
        return [*self.readers, *(make_consensus(self.readers, rule) for rule in rules)]

    def on(self, choices: Sequence[str]) -> list[ReaderReference]:
        """Return readers and consensus on the slices of ``reader``, ``lung`` and ``all``, none of them twice."""
        for choice in choices:
            if choice not in self._chosen:
                self._chosen[choice] = [choose_slices(entry, choice, lung=self._scoring.lung) for entry in self.all]
        found = [entry for choice in choices for entry in self._chosen[choice]]
        return list({(entry.reader, entry.slices): entry for entry in reversed(found)}.values())[::-1]


def score_case(run: RunFolder, task: CaseTask, metrics: Sequence[Metric]) -> list[tuple[Order, list[Row]]]:
    """Return the rows of the predictions of a task, then of its readers, each with its order in the scores."""
    references = CaseReferences(run, task.case)
    scorer = _Scorer(run, task.case, references, metrics)
    scored = [(order, list(scorer.prediction_rows(model, image))) for order, model, image in task.entries]
    readers = [((len(run.matrix["models"]), task.number), list(scorer.reader_rows()))] if task.readers else []
    return [*scored, *readers]


def slices_wanted(study: Study, arm: str, image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the slices on which the test sets that take an arm's prediction of an image score it."""
    wanted = [
        entry.slices
        for entry in study.test_sets
        if image["variant"] in entry.variants and arm in study.rows_on(entry, image["dataset"])
    ]
    return tuple(dict.fromkeys(wanted)) or study.scoring.slices[:1]


class _Scorer:
    """The rows of one examination; the prediction on the own variant is kept while its model is scored."""

    def __init__(self, run: RunFolder, case: str, references: CaseReferences, metrics: Sequence[Metric]) -> None:
        self._run, self._study, self._references = run, run.study, references
        self._metrics = metrics
        self._predicted = scored_structures(run.study)
        self._own_image = f"{case}-{run.study.scoring.own_variant}" if run.study.scoring.own_variant else ""
        self._own: tuple[str, Prediction] | None = None
        self._seen: tuple[str, tuple[Mask, Mask]] | None = None
        self._note = OPEN_NOTE if leaves_voxels_open(run) else ""

    def prediction_rows(self, model: Mapping[str, Any], image: str) -> Iterator[Row]:
        """Yield a prediction against every reference, by itself, and against the model's own on another variant."""
        facts = self._run.matrix["images"][image]
        prediction = self._read(model["model"], image)
        shown = self._references.shown
        for reference in self._references.on(slices_wanted(self._study, model["arm"], facts)):
            sides = compare(reference, prediction, shown=shown, predicted=self._predicted)
            sides = replace(sides, surroundings=lambda: self._surroundings(facts["path"]))
            structures = [name for name in self._predicted if name in shown]
            yield from self._rows(
                facts, model, reference, score_sides(sides, structures, self._metrics, self._study.scoring)
            )
        alone = [metric for metric in self._metrics if all(use.startswith("prediction") for use in metric.uses)]
        scores = score_sides(
            measure(prediction, predicted=self._predicted), self._predicted, alone, self._study.scoring
        )
        yield from self._rows(facts, model, ReaderReference("", "all"), scores)
        if self._own_image in self._run.matrix["images"] and image != self._own_image:
            yield from self._own_rows(facts, model, prediction)

    def reader_rows(self) -> Iterator[Row]:
        """Yield every pair of readers once, and every repeat with its first reading."""
        if not self._study.scoring.reader_pairs:
            return
        pairs = [("reader", first, second) for first, second in combinations(self._references.readers, 2)]
        pairs += [("repeat", first, second) for first, second in self._references.repeats]
        shown = self._references.shown
        structures = [name for name in self._predicted if name in shown]
        metrics = [metric for metric in self._metrics if metric.symmetric]
        facts = dict.fromkeys(IMAGE_NAMES, "") | {
            name: self._references.entry[name] for name in ("dataset", "patient", "case")
        }
        for trainer, first, second in pairs:
            sides, reference = compare_readers(first, second, shown=shown)
            model = {"arm": second.reader, "trainer": trainer, "fold": 0, "seed": 0}
            yield from self._rows(facts, model, reference, score_sides(sides, structures, metrics, self._study.scoring))

    def _own_rows(self, facts: Mapping[str, Any], model: Mapping[str, Any], prediction: Prediction) -> Iterator[Row]:
        variant = self._study.scoring.own_variant
        if self._own_image in model["test"]:
            reference = own_reference(self._read(model["model"], self._own_image), variant)
        else:
            reason = f"own prediction on {variant}: in no test set of this model"
            reference = ReaderReference(f"own-{variant}", "all", reason=reason)
        sides = compare(reference, prediction, shown=self._predicted, predicted=self._predicted)
        yield from self._rows(
            facts, model, reference, score_sides(sides, self._predicted, self._metrics, self._study.scoring)
        )

    def _read(self, model: str, image: str) -> Prediction:
        if image != self._own_image:
            return read_prediction(self._run, model, image)
        if self._own is None or self._own[0] != model:
            self._own = (model, read_prediction(self._run, model, image))
        return self._own[1]

    def _surroundings(self, path: str) -> tuple[Mask, Mask]:
        """Return body and air of an image; those of the last image are kept for the next model."""
        if self._seen is None or self._seen[0] != path:
            self._seen = (path, read_surroundings(self._run.path(path)))
        return self._seen[1]

    def _rows(
        self,
        facts: Mapping[str, Any],
        model: Mapping[str, Any],
        reference: ReaderReference,
        scores: Iterator[MetricScore],
    ) -> Iterator[Row]:
        shared = {"study": self._study.name} | {name: facts[name] for name in IMAGE_NAMES}
        shared |= {"reader": reference.reader, "slices": reference.slices}
        shared |= {name: model[name] for name in MODEL_NAMES} | {"postprocess": model.get("postprocess", "none")}
        for score in scores:
            columns = score.columns(self._study.scoring)
            yield shared | columns | {"definition": columns["definition"] + self._note}
