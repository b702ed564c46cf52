"""Does a case look like a patient? Values, orientation, volumes and labels of one CT, checked and measured.

The checks catch what a header cannot show: mirrored volumes, heads down, images that are not HU, labels of another
case. Without labels, up and down and left and right are only told where both lungs are whole; front and back wherever
there is lung. A lung mask of a few slices that is mirrored along z is not noticed.
"""

from collections.abc import Mapping

import SimpleITK as sitk

from dataset_converters.anatomy.checks import Doubt, ImageFacts, image_doubts, image_facts
from dataset_converters.anatomy.labels import LabelFacts, label_doubts
from dataset_converters.findings import Finding
from dataset_converters.volumes.grid import grid_difference, grid_of


def anatomy_findings(
    image: sitk.Image, labels: sitk.Image | None, structures: Mapping[str, int], *, dataset: str, case: str
) -> list[Finding]:
    """Return what is anatomically wrong (error) or doubtful (warning) in a case; an empty list is a plausible one.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D CT in HU.
    labels : SimpleITK.Image or None
        Label map on the image's grid; voxels of the label ``ignore`` (or 255) are of no structure.
    structures : mapping
        Standard structure name to label value, as in ``DatasetInfo.labels``.
    """
    return inspect_case(image, labels, structures, dataset=dataset, case=case)[0]


def inspect_case(
    image: sitk.Image, labels: sitk.Image | None, structures: Mapping[str, int], *, dataset: str, case: str
) -> tuple[list[Finding], dict[str, float | str]]:
    """Return the findings of a case and what was measured, by column name."""
    if labels is not None and (difference := grid_difference(grid_of(image), grid_of(labels))):
        action = "resample the label map to the image, or correct the header that is wrong"
        doubts = [Doubt("error", f"a label map with {difference[0]}", f"the image's grid: {difference[1]}", action)]
        labels = None
    else:
        doubts = []
    facts = image_facts(image, labels)
    doubts += image_doubts(facts)
    measured = _image_columns(facts)
    if labels is not None:
        labelled = LabelFacts(facts, structures)
        doubts += label_doubts(labelled)
        measured |= _label_columns(labelled)
    return [Finding(d.severity, dataset, case, d.found, d.wanted, d.action) for d in doubts], measured


def _image_columns(facts: ImageFacts) -> dict[str, float | str]:
    low, high = facts.range_hu
    words = {1: "as the header says", 0: "not told", -1: "exchanged"}
    return {
        "lowest_hu": low,
        "highest_hu": high,
        "air_filled_lung_ml": round(facts.coarse.lung_ml),
        "lung_cut_at": " ".join(facts.cut_ends),
        "front_and_back": words[facts.back.verdict],
        "up_and_down": words[facts.up.verdict],
        "left_and_right": words[facts.left.verdict],
    }


def _label_columns(facts: LabelFacts) -> dict[str, float | str]:
    voxel_ml = facts.image.coarse.voxel_ml
    volumes = {f"{name}_ml": round(size * voxel_ml, 1) for name, size in facts.sizes.items()}
    return {"annotated": f"{facts.annotated.mean():.0%}", "lung_mask_ml": round(facts.lung_ml), **volumes}
