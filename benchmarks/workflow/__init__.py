"""The Snakemake workflow behind ``python -m benchmarks run``."""
