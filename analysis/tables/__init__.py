"""One file per table, each with ``NAME``, ``TITLE`` and ``make(scores, study)``; ``make_tables`` finds them."""
