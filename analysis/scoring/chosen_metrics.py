"""The metrics of a study, checked: they exist, and the study names the structures they need."""

from analysis.errors import AnalysisError
from analysis.metric import Metric, find_metrics
from benchmarks.study import Scoring

PARTS = ("lung", "disease", "tumour")


def chosen_metrics(scoring: Scoring) -> tuple[Metric, ...]:
    """Return the metrics ``[scoring] metrics`` names, in its order.

    Raises
    ------
    AnalysisError
        If a name is unknown or given twice, or a metric needs a lung, disease or tumour that ``[scoring]`` does not
        name.
    """
    known = find_metrics()
    names = scoring.metrics
    for name in names:
        if name not in known:
            raise AnalysisError(f"unknown metric {name!r}; the choices are: {', '.join(known)}")
        if names.count(name) > 1:
            raise AnalysisError(f"metric {name!r} is named {names.count(name)} times; once is enough")
        lacking = [part for part in needed_parts(known[name]) if not getattr(scoring, part)]
        if lacking:
            raise AnalysisError(
                f"metric {name} needs to know {' and '.join(lacking)}; name the structures in [scoring], "
                "for two folders in --labels, or leave the metric out"
            )
    return tuple(known[name] for name in names)


def needed_parts(metric: Metric) -> tuple[str, ...]:
    """Return which of lung, disease and tumour a study must name for a metric."""
    used = {source.partition("_")[2] for source in metric.uses} | {metric.applies_to}
    return tuple(part for part in PARTS if part in used)
