"""``python -m trainers.templates.choose RUN SET``: choose the templates of an arm among its training images."""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_converters.atomic import write_json
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.predict.predict import check_image, image_hash
from trainers.run_folder import RunFolder, open_run
from trainers.templates.template_set import TemplateSet, find_templates


def choose(templates: TemplateSet) -> list[str]:
    """Write ``templates.json``: the templates, and the registration energies they were chosen by.

    Of images that hold no lung there is no energy; they are never chosen. Of a patient with several images in
    the arm only the first is a candidate: two images of one patient are no two anatomies.

    Raises
    ------
    TrainerError
        Fewer candidates can be registered than templates are wanted.
    """
    entry, run = templates.entry, templates.run
    content: dict[str, Any] = {"set": entry["name"], "registration": entry["registration"]}
    if entry["given"]:
        chosen = list(entry["given"])
    else:
        candidates = one_image_a_patient(run, entry["train"])
        energies = _energies(run, candidates)
        chosen = diverse(candidates, energies, entry["count"], entry["name"])
        content |= {"candidates": candidates, "energies": _plain(energies)}
    write_json(templates.file, content | {"templates": chosen})
    return chosen


def one_image_a_patient(run: RunFolder, images: Sequence[str]) -> list[str]:
    """Return the first image of every patient."""
    first: dict[tuple[str, str], str] = {}
    for image in images:
        facts = run.matrix["images"][image]
        first.setdefault((facts["dataset"], facts["patient"]), image)
    return list(first.values())


def diverse(candidates: Sequence[str], energies: NDArray[np.float64], count: int, name: str) -> list[str]:
    """Return the most diverse of the candidates that could be registered to any other.

    Raises
    ------
    TrainerError
        They are fewer than ``count``.
    """
    from dataset_converters.registration.templates import choose_templates

    others = energies.copy()
    np.fill_diagonal(others, np.nan)
    usable = [place for place, row in enumerate(others) if np.isfinite(row).any() or len(candidates) == 1]
    if len(usable) < count:
        without = [candidate for place, candidate in enumerate(candidates) if place not in usable]
        raise TrainerError(
            name,
            found=f"{len(usable)} of {len(candidates)} training patients that can be registered "
            f"(none to: {', '.join(without) or 'none'})",
            wanted=f"{count} templates",
            action="lower count in the arm's templates, or mend the images that show no lung",
        )
    return [candidates[usable[place]] for place in choose_templates(energies[np.ix_(usable, usable)], count)]


def _energies(run: RunFolder, candidates: Sequence[str]) -> NDArray[np.float64]:
    from dataset_converters.registration.energies import pairwise_energies

    def images() -> Iterator[tuple[NDArray[np.generic], tuple[float, ...]]]:
        for image in tqdm(candidates, desc="candidates", unit="image"):
            check_image(run.image(image), image_hash(run, image))
            read = sitk.DICOMOrient(sitk.ReadImage(str(run.image(image))), "LPS")
            yield sitk.GetArrayFromImage(read), read.GetSpacing()[::-1]

    return pairwise_energies(images())


def _plain(energies: NDArray[np.float64]) -> list[list[float | None]]:
    return [[float(value) if math.isfinite(value) else None for value in row] for row in energies]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.templates.choose", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("set", metavar="SET", help="name of templates in matrix.json")
    options = parser.parse_args(arguments)
    return exit_code(lambda: print(*choose(find_templates(open_run(options.run), options.set)), sep="\n"))


if __name__ == "__main__":
    sys.exit(main())
