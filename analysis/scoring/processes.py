"""The same work for many tasks, in this process or several side by side."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def answers_in_order(work: Callable[[Task], Answer], tasks: Sequence[Task], *, workers: int) -> Iterable[Answer]:
    """Yield the answer to each task in the order of the tasks.

    With more than one worker ``work`` and the tasks travel to new processes (spawned, so nothing is inherited).
    """
    return map(work, tasks) if workers <= 1 else _side_by_side(work, tasks, workers=workers)


def _side_by_side(work: Callable[[Task], Answer], tasks: Sequence[Task], *, workers: int) -> Iterator[Answer]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(work, tasks)
