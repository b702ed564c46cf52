"""Volume of the reference."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def reference_volume(pair: MaskPair) -> float:
    """Return the volume of the reference in ml; 0 if it is empty."""
    return pair.reference_size * pair.voxel_ml


METRIC = Metric(
    name="reference_volume",
    label="volume of the reference",
    unit="ml",
    direction="none",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="reference voxels times voxel volume",
    compute=reference_volume,
    uses=("reference", "reference"),
)
