"""``python -m benchmarks check``: what would stop a study here, and what it will cost."""
