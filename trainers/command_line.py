"""What the command lines of the training stages share: an expected error is one line and exit code 1."""

import sys
from collections.abc import Callable

from dataset_converters.atomic import DiskFullError
from trainers.errors import TrainerError


def exit_code(stage: Callable[[], None]) -> int:
    """Run a stage; return 0, or 1 after printing what stopped it."""
    try:
        stage()
    except (TrainerError, DiskFullError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
