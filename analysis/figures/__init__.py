"""One file per figure, each with ``NAME``, ``TITLE`` and ``make(results)``; ``make_figures`` finds them."""
