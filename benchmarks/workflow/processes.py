"""Processes that end with their parent, so that a killed run leaves nothing behind that still writes."""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (Linux; elsewhere nothing happens)."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before the request took effect
        os.kill(os.getpid(), signal.SIGKILL)


def process_start(pid: int) -> str:
    """Return when a process of this machine started, in clock ticks since boot; empty where Linux does not tell."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return facts.rpartition(")")[2].split()[19]  # proc(5): field 22; the name before may hold blanks


def is_alive(pid: int, start: str = "") -> bool:
    """Say whether a process of this machine runs; with ``start``, whether it is still the one that started then."""
    if start and (found := process_start(pid)) and found != start:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
