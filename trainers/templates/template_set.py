"""Where the templates of an arm and fold lie in a run folder, and which images are registered to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.errors import TrainerError
from trainers.run_folder import RunFolder


@dataclass(frozen=True)
class TemplateSet:
    """The templates of one arm in one fold (``matrix.json``, ``templates``)."""

    run: RunFolder
    entry: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The chosen templates, in the order of their numbers."""
        return self.run.inside(f"templates/{self.entry['name']}/templates.json")

    def folder(self, number: int) -> Path:
        """Folder of one template: ``warps``, ``imagesTr``, ``labelsTr`` and ``registrations.csv``."""
        return self.run.inside(f"templates/{self.entry['name']}/T{number}")

    def warp(self, number: int, image: str) -> Path:
        """Return the path of the warp of an image to a template."""
        return self.folder(number) / "warps" / f"{image}.npz"

    def template(self, number: int) -> str:
        """Return the image that is a template.

        Raises
        ------
        TrainerError
            The templates are not chosen, or there are fewer.
        """
        found = json.loads(self.file.read_text(encoding="utf-8"))["templates"] if self.file.is_file() else []
        if not 1 <= number <= len(found):
            raise TrainerError(
                str(self.file),
                found=f"{len(found)} templates",
                wanted=f"template {number}",
                action="run `python -m trainers.templates.choose` first",
            )
        return str(found[number - 1])

    def warped(self, number: int) -> dict[str, Mapping[str, Any]]:
        """Return the training images of one template: the image they are made of, to their record in the matrix."""
        return {
            str(entry["of"]): entry
            for entry in self.run.matrix["warped_images"].values()
            if (entry["templates"], entry["template"]) == (self.entry["name"], number)
        }


def find_templates(run: RunFolder, name: str) -> TemplateSet:
    """Return the templates of that name.

    Raises
    ------
    TrainerError
        The run has none of that name.
    """
    sets = {entry["name"]: entry for entry in run.matrix.get("templates", ())}
    if name not in sets:
        raise TrainerError(
            str(run.path / "matrix.json"),
            found=f"no templates {name!r}",
            wanted=f"one of {sorted(sets)}",
            action="name the templates of an arm of this run",
        )
    return TemplateSet(run, sets[name])
