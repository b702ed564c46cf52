"""One image of a run with its readers' masks and the models' predictions, read when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.errors import AnalysisError
from analysis.figure_parts.ct_slice import CtSlice, read_ct_slice
from analysis.label_map import grid_difference, read_label_map
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference, read_references
from analysis.run_folder import RunFolder
from analysis.scoring.lazy_masks import masks_of_labels
from analysis.scoring.references import split_repeats
from analysis.scoring.structures import predicted_structures


@dataclass(frozen=True)
class CaseImage:
    """An image of the run; ``name`` is its key in the matrix."""

    run: RunFolder
    name: str

    @cached_property
    def references(self) -> list[ReaderReference]:
        """The masks of every reader who could be read."""
        image = self.run.matrix["images"][self.name]
        entry = self.run.matrix["references"][f"{image['dataset']}_{image['case']}"]
        return [reference for reference in read_references(self.run, entry) if reference.masks is not None]

    def read(self, readers: tuple[str, ...] = ()) -> list[ReaderReference]:
        """Return the masks of these readers, of all without any, but never of a reader's second reading."""
        first_readings, _ = split_repeats(self.references)
        return [entry for entry in first_readings if not readers or entry.reader in readers]

    def ct_slice(self, z: int) -> CtSlice:
        """Return one slice of the image."""
        return read_ct_slice(self.run.path(self.run.matrix["images"][self.name]["path"]), z)

    def model(self, recipe: str, *, trainer: str) -> str | None:
        """Return the model of a table row that was tested on this image, of the first seed; None without one."""
        study = self.run.study
        arms = {arm.name for arm in study.arms if arm.recipe == recipe}
        arms |= {entry.name for entry in study.baselines if entry.name == recipe}
        kinds = {trainer, *(entry.kind for entry in study.baselines if entry.name == recipe)}
        found = [
            model
            for model in sorted(self.run.matrix["models"], key=lambda entry: (entry["seed"], entry["fold"]))
            if model["arm"] in arms and model["trainer"] in kinds and self.name in model["test"]
        ]
        return str(found[0]["model"]) if found else None

    def predicted(self, model: str | None) -> Mapping[str, Mask] | None:
        """Return the masks (z, y, x) of every structure a model predicted; None if there is no whole prediction."""
        if model is None or not self.references:
            return None
        try:
            labels = read_label_map(self.run.prediction_path(model, self.name))
        except AnalysisError:
            return None
        grid = self.references[0].grid
        if grid is None or grid_difference(grid, labels):
            return None
        return masks_of_labels(labels.labels, predicted_structures(self.run.study, self.run.matrix["structures"]))


def image_name(row: Mapping[str, Any]) -> str:
    """Return the image of a row with columns dataset, case and variant."""
    return f"{row['dataset']}_{row['case']}-{row['variant']}"
