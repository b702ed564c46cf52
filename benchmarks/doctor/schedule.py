"""When everything would be done: jobs, what each needs, how long each takes, on so many cores and GPUs."""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A job for the simulation: what must be done before, how long it takes, what it holds meanwhile."""

    name: str
    needs: tuple[str, ...]
    seconds: float
    gpus: int = 0


@dataclass(frozen=True)
class Schedule:
    """The end of the last task, in seconds; GPU seconds in use; when the last GPU task ended."""

    wall_s: float
    gpu_seconds: float
    gpu_end_s: float
    most_running: int


def simulate(tasks: Sequence[Task], *, cores: int, gpus: int, submit_s: float = 0.0, delay_s: float = 0.0) -> Schedule:
    """Run the tasks in their order as soon as needs, a core (or its GPUs) and the one submitter are free.

    ``submit_s`` is how long the single head takes to send one job, ``delay_s`` passes before a job's end is seen.

    Raises
    ------
    ValueError
        If tasks wait for each other or for one that is not there.
    """
    waiting, after = _graph(tasks)
    ready = {True: deque(task for task in tasks if not waiting[task.name] and task.gpus)}
    ready[False] = deque(task for task in tasks if not waiting[task.name] and not task.gpus)
    running: list[tuple[float, int, Task]] = []
    now = free_submitter = gpu_seconds = gpu_end = 0.0
    free_cores, free_gpus, done, most = cores, gpus, 0, 0
    while ready[True] or ready[False] or running:
        for on_gpu in (True, False):
            queue = ready[on_gpu]
            while queue and (queue[0].gpus <= free_gpus if on_gpu else free_cores > 0):
                task = queue.popleft()
                free_submitter = max(now, free_submitter) + submit_s
                end = free_submitter + task.seconds + delay_s
                heapq.heappush(running, (end, len(running) + done, task))
                free_gpus, free_cores = free_gpus - task.gpus, free_cores - (not on_gpu)
                gpu_seconds += task.gpus * task.seconds
                gpu_end = max(gpu_end, end if on_gpu else 0.0)
        most = max(most, len(running))
        if not running:
            raise ValueError(f"{next(iter(ready[True])).name}: needs more GPUs than {gpus}")
        now, _, task = heapq.heappop(running)
        done += 1
        free_gpus, free_cores = free_gpus + task.gpus, free_cores + (not task.gpus)
        for follower in after.get(task.name, ()):
            waiting[follower.name] -= 1
            if not waiting[follower.name]:
                ready[bool(follower.gpus)].append(follower)
    if done < len(tasks):
        raise ValueError(f"{len(tasks) - done} tasks wait for each other or for one that is not there")
    return Schedule(now, gpu_seconds, gpu_end, most)


def _graph(tasks: Sequence[Task]) -> tuple[dict[str, int], Mapping[str, list[Task]]]:
    after: dict[str, list[Task]] = {}
    for task in tasks:
        for need in task.needs:
            after.setdefault(need, []).append(task)
    return {task.name: len(task.needs) for task in tasks}, after
