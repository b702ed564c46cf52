"""Where a model sees a test image: as it is, or warped to its template and its label map warped back."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.volumes.nifti import sha256_of
from trainers.errors import TrainerError
from trainers.run_folder import RunFolder
from trainers.templates.template_set import TemplateSet, find_templates


@dataclass(frozen=True)
class Warps:
    """The warps of one model's test images; ``templates`` None: it sees them as they are."""

    run: RunFolder
    templates: TemplateSet | None = None
    number: int = 0

    def key(self, image: str) -> dict[str, str]:
        """Return what decides how the model sees an image."""
        if self.templates is None:
            return {}
        path = self.templates.warp(self.number, image)
        return {"warp_sha256": sha256_of(path) if path.is_file() else ""}

    @contextmanager
    def on_template(self, image: str, output: Path) -> Iterator[tuple[Path, Path]]:
        """Yield the image the model sees and where its label map goes; ``output`` is then on the image's own grid."""
        original = self.run.image(image)
        if self.templates is None:
            yield original, output
            return
        from dataset_converters.registration.case_files import unwarp_label_file, warp_image_file

        warp = self.templates.warp(self.number, image)
        if not warp.is_file():
            raise TrainerError(image, found=f"no {warp}", wanted="its registration", action="run the warp job again")
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".on-template-") as folder:
            shown, labels = Path(folder) / "image.nii.gz", Path(folder) / "labels.nii.gz"
            template = self.run.image(self.templates.template(self.number))
            warp_image_file(original, warp, template, shown, case=image)
            yield shown, labels
            unwarp_label_file(labels, warp, original, output, case=image)


def warps_of(run: RunFolder, model: Mapping[str, Any]) -> Warps:
    """Return how a model sees its test images."""
    template = model.get("template")
    return Warps(run) if template is None else Warps(run, find_templates(run, template["set"]), template["number"])
