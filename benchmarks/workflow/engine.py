"""Snakemake in a process that ends with its parent."""

import signal
import sys

from benchmarks.workflow.processes import end_with_parent


def main() -> None:
    """Run Snakemake's command line with the given arguments."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs would ignore it
    from snakemake.cli import main as snakemake

    snakemake(sys.argv[1:])


if __name__ == "__main__":
    main()
