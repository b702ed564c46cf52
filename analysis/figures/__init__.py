"""One file per figure, each with ``NAME``, ``TITLE`` and ``make(scores, study, run)``; ``make_figures`` finds them."""
