"""One file per metric, each with a ``METRIC`` record; ``analysis.metric`` finds them."""
