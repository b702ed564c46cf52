"""Disease extent: predicted disease over predicted lung."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def extent(pair: MaskPair) -> float:
    """Return the volume of the disease (the pair's prediction) over that of the lung (its reference), in percent.

    The lung is to include the diseased lung. Volumes are divided as they are: disease outside the lung mask counts
    (``false_positives_outside_lung`` measures it), so that a lung mask which leaves out consolidated lung does not
    hide the disease there, and the value can exceed 100.

    Returns
    -------
    float
        0 if there is no disease, NaN if there is no lung.

    Notes
    -----
    Chassagnon 2020, Materials and Methods: volume of the diseased lung divided by the volume of the whole lung.
    """
    return 100.0 * pair.prediction_size / pair.reference_size if pair.reference_size else float("nan")


METRIC = Metric(
    name="extent",
    label="disease extent",
    unit="%",
    direction="none",
    range=(0.0, float("inf")),
    needs_spacing=False,
    definition="predicted disease volume over predicted lung volume, disease outside the lung included",
    compute=extent,
    uses=("prediction_lung", "prediction"),
    applies_to="disease",
)
