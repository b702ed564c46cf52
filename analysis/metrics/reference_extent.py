"""Disease extent of the reference: annotated disease over annotated lung."""

from analysis.metric import Metric
from analysis.metrics.extent import extent

METRIC = Metric(
    name="reference_extent",
    label="disease extent of the reference",
    unit="%",
    direction="none",
    range=(0.0, float("inf")),
    needs_spacing=False,
    definition="reference disease volume over reference lung volume, disease outside the lung included",
    compute=extent,
    uses=("reference_lung", "reference"),
    applies_to="disease",
)
