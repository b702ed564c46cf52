"""GPUs for a job on this machine: found without torch, leased so that no two jobs of a user share one."""

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.study_file import StudyError

LEASES = "CTSHIFT_LEASES"
"""Environment variable: folder of the lease files, where /tmp is not shared by all jobs of the machine."""
GPUS = "CTSHIFT_GPUS"
"""Environment variable: the GPUs of the machine as a list, where ``nvidia-smi`` cannot say."""
NO_GPU = "NoDevFiles"
"""What SLURM writes into ``CUDA_VISIBLE_DEVICES`` for a job without GPUs."""
_GPU = re.compile(r"^GPU (\d+): .*\(UUID: (GPU-[0-9a-f-]+)\)")
_SLICE = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)")


def visible_gpus() -> tuple[str, ...]:
    """List the GPUs a job may use, as ``CUDA_VISIBLE_DEVICES`` names them; empty where there is none.

    A list in ``CUDA_VISIBLE_DEVICES`` is kept as it is, without repeats; without one, all GPUs of the machine, by UUID.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(_machine_gpus().values())
    entries: list[str] = []
    for entry in (part.strip() for part in chosen.split(",")):
        if not entry or entry.startswith("-") or entry == NO_GPU:  # CUDA reads no further either
            break
        entries.append(entry)
    return tuple(dict.fromkeys(entries))


@contextlib.contextmanager
def leased_gpus(count: int) -> Iterator[tuple[str, ...]]:
    """Hold GPUs alone and yield their names for ``CUDA_VISIBLE_DEVICES``; wait until enough are free.

    A lease is a lock on a file and ends with the process, however it ends. All GPUs of a lease are taken at once, so
    leases of several GPUs cannot block each other; who asks for GPUs of the same list is served in turn. Where
    nothing is known of GPUs there is nothing to lease (empty). Of what SLURM gave only jobs of the same allocation are
    kept apart: in another one the same number may be another GPU.

    Raises
    ------
    StudyError
        If more GPUs are asked for than there are, or the lease folder is not ours alone.
    """
    visible = visible_gpus() if count else ()
    if not visible:
        yield ()
        return
    visible = tuple({_lock_name(gpu): gpu for gpu in reversed(visible)}.values())[::-1]  # one GPU under two names
    if count > len(visible):
        raise StudyError(f"GPUs {','.join(visible)}: found {len(visible)}, wanted {count}; ask for fewer GPUs a job")
    with contextlib.ExitStack() as held:
        yield _take(visible, count, held)


def _take(visible: tuple[str, ...], count: int, held: contextlib.ExitStack) -> tuple[str, ...]:
    folder = held.enter_context(_lease_folder())
    names = {gpu: _lock_name(gpu) for gpu in visible}
    turn = hashlib.sha256(",".join(sorted(names.values())).encode()).hexdigest()[:16]
    with contextlib.ExitStack() as queue:
        fcntl.flock(_open(folder, f"turn-{turn}", queue), fcntl.LOCK_EX)
        while True:
            with contextlib.ExitStack() as attempt:
                free: list[str] = []
                for gpu in visible:
                    if len(free) < count and _try_lock(folder, names[gpu], attempt):
                        free.append(gpu)
                if len(free) == count:
                    held.push(attempt.pop_all())
                    return tuple(free)
            time.sleep(0.5)


@contextlib.contextmanager
def _lease_folder() -> Iterator[int]:
    """Open the folder of this user's leases; refuse one that somebody else made or can write to."""
    # one place for all sessions and jobs of the user: neither XDG_RUNTIME_DIR nor TMPDIR is
    path = Path(os.environ.get(LEASES) or f"/tmp/ctshift-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise StudyError(f"{path}: not a folder of ours ({error.strerror}); remove it, or set {LEASES}") from error
    try:
        facts = os.fstat(folder)
        if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            found = f"owner {facts.st_uid}, mode {stat.S_IMODE(facts.st_mode):o}"
            raise StudyError(f"{path}: {found}, wanted {os.getuid()} and 700; remove it, or set {LEASES} to another")
        fcntl.flock(folder, fcntl.LOCK_SH)  # systemd-tmpfiles leaves a locked folder alone
        yield folder
    finally:
        os.close(folder)


def _try_lock(folder: int, name: str, held: contextlib.ExitStack) -> bool:
    with contextlib.ExitStack() as opened:
        try:
            fcntl.flock(_open(folder, name, opened), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        held.push(opened.pop_all())
        return True


def _open(folder: int, name: str, held: contextlib.ExitStack) -> int:
    file = os.open(f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    held.callback(os.close, file)
    return file


def _lock_name(gpu: str) -> str:
    """Name a GPU alike for who calls it by its number, its UUID or the beginning of it."""
    known = _machine_gpus()
    name = known.get(gpu) or next((uuid for uuid in known.values() if uuid.startswith(gpu)), gpu)
    allocation = os.environ.get("SLURM_JOB_ID", "")
    return re.sub(r"[^A-Za-z0-9-]", "_", f"slurm{allocation}-{name}" if allocation else name)


def _machine_gpus() -> dict[str, str]:
    """Map number to UUID for every GPU of the machine; a GPU that is cut into MIG slices counts as its slices."""
    if GPUS in os.environ:
        return {name: name for name in (part.strip() for part in os.environ[GPUS].split(",")) if name}
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, str] = {}
    number = ""
    for line in answer.stdout.splitlines():
        if match := _GPU.match(line):
            number = match[1]
            found[number] = match[2]
        elif match := _SLICE.match(line):
            found.pop(number, None)
            found[f"{number}:{len(found)}"] = match[1]
    return found
