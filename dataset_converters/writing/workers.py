"""Work in several processes, so that a worker that dies takes one piece of work with it and is named."""

import contextlib
import ctypes
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

import SimpleITK as sitk

_PATIENCE_S = 10.0
_SET_PARENT_DEATH_SIGNAL = 1


@dataclass(frozen=True)
class Lost:
    """In place of a result: the process that worked on it ended, killed by a signal if ``exit_code`` is negative."""

    exit_code: int


def work_in_processes(
    work: Callable[[int], Any], count: int, *, workers: int
) -> Generator[tuple[int, Any], None, None]:
    """Yield ``index, work(index)`` for every index below ``count`` as they are done, or `Lost` in place of a result.

    Processes are forked, so that ``work`` may hold anything; it must not raise, and its result must be picklable. When
    the caller stops (an error, Ctrl-C) the workers get SIGTERM, which raises `SystemExit` in ``work``; they end
    with the calling process, even if that is killed.

    Raises
    ------
    OSError
        If the system cannot start another process.
    """
    pool = _Pool(work)
    following = iter(range(count))
    try:
        for index in itertools.islice(following, workers):
            pool.start(index, workers)
        while pool.busy:
            for connection in wait(list(pool.busy)):
                index, result = pool.collect(connection)  # type: ignore[arg-type]
                following_index = next(following, None)
                if following_index is not None and isinstance(result, Lost):
                    pool.start(following_index, workers)
                elif following_index is not None:
                    pool.give(connection, following_index)  # type: ignore[arg-type]
                yield index, result
    finally:
        pool.end()


@dataclass
class _Pool:
    work: Callable[[int], Any]
    processes: dict[Connection, BaseProcess] = field(default_factory=dict)
    busy: dict[Connection, int] = field(default_factory=dict)

    def start(self, index: int, workers: int) -> None:
        """Fork a worker and give it its first index."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        arguments = (self.work, theirs, [*self.processes, ours], os.getpid(), workers)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self.processes[ours] = process
        self.give(ours, index)

    def give(self, connection: Connection, index: int) -> None:
        self.busy[connection] = index
        with contextlib.suppress(OSError):  # it died while idle; `collect` sees that
            connection.send(index)

    def collect(self, connection: Connection) -> tuple[int, Any]:
        """Receive a result, or find the worker dead."""
        index = self.busy.pop(connection)
        try:
            return index, connection.recv()
        except (EOFError, OSError):
            process = self.processes.pop(connection)
            connection.close()
            process.join()
            return index, Lost(process.exitcode or 0)

    def end(self) -> None:
        """Let idle workers go and stop those that work."""
        for connection, process in self.processes.items():
            connection.close()
            if connection in self.busy:
                process.terminate()
        for process in self.processes.values():
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _serve(
    work: Callable[[int], Any], connection: Connection, inherited: list[Connection], parent: int, workers: int
) -> None:
    """Work on every index received until the caller closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the caller decides what ends
    signal.signal(signal.SIGTERM, _end)
    _end_with(parent)
    for other in inherited:
        other.close()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(max(1, (os.cpu_count() or 1) // workers))
    while True:
        try:
            connection.send(work(connection.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):  # the caller wants no more
            return


def _end(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _end_with(parent: int) -> None:
    """Have the system kill this process when the caller ends; elsewhere than on Linux it ends after its work."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
