"""``python -m dataset_converters``: show the datasets, convert one, look for kernel pairs, check the result."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one clear message on standard error."""
    try:
        from dataset_converters.commands.command_line import run  # takes half a second, in which Ctrl-C may come

        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted; finished cases are kept, run the same command again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
