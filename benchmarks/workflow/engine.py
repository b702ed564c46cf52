"""Snakemake in a process that ends with its parent."""

import sys

from benchmarks.workflow.processes import end_with_parent


def main() -> None:
    """Run Snakemake's command line with the given arguments."""
    end_with_parent()
    from snakemake.cli import main as snakemake

    snakemake(sys.argv[1:])


if __name__ == "__main__":
    main()
