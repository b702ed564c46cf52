"""Let one process at a time work in a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataset_converters.atomic import remove_partial_files
from trainers.errors import TrainerError


@contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock file and remove what a killed process left half-written there.

    The lock ends with the process, however it ends.

    Raises
    ------
    TrainerError
        Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainerError(
                str(folder),
                found="another process at work here",
                wanted="one at a time",
                action="wait for it, or end it",
            ) from None
        remove_partial_files(folder)
        yield
