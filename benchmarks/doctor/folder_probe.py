"""What a folder's file system does: writing, locking, renaming, its clock, how long a path may be."""

import contextlib
import fcntl
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/mounts")
NETWORK = ("nfs", "nfs4", "lustre", "cifs", "smb3", "beegfs", "gpfs", "ceph", "fuse.sshfs", "9p", "glusterfs")


@dataclass(frozen=True)
class FolderProbe:
    """What was tried in a folder.

    Attributes
    ----------
    write_fault, lock_fault : str
        The system's words; empty where it works. ``not exclusive``: two owners got the same lock.
    clock_skew_s : float
        The file system's time of a file just written, less this machine's.
    kind, options : str
        Of the mount, for example ``nfs4`` and ``rw,local_lock=none``; empty where not known.
    longest_name, longest_path : int
        In bytes.
    """

    folder: Path
    write_fault: str = ""
    lock_fault: str = ""
    clock_skew_s: float = 0.0
    kind: str = ""
    options: str = ""
    longest_name: int = 255
    longest_path: int = 4096

    @property
    def is_shared(self) -> bool:
        """Whether the file system is one that other machines may see too."""
        return self.kind in NETWORK


def probe_folder(folder: Path) -> FolderProbe:
    """Write, lock and remove one small file in a folder that is there."""
    kind, options = mount_of(folder, MOUNTS.read_text() if MOUNTS.is_file() else "")
    name, path = os.pathconf(folder, "PC_NAME_MAX"), os.pathconf(folder, "PC_PATH_MAX")
    facts = {"kind": kind, "options": options, "longest_name": name, "longest_path": path}
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".ctshift-check-")
    except OSError as error:
        return FolderProbe(folder, write_fault=error.strerror or str(error), **facts)  # type: ignore[arg-type]
    try:
        before = time.time()
        os.write(handle, b"check")
        os.fsync(handle)
        after = time.time()
        changed = Path(temporary).stat().st_mtime
        skew = min(0.0, changed - before) or max(0.0, changed - after)
        return FolderProbe(folder, lock_fault=_lock_fault(temporary), clock_skew_s=skew, **facts)  # type: ignore[arg-type]
    except OSError as error:
        return FolderProbe(folder, write_fault=error.strerror or str(error), **facts)  # type: ignore[arg-type]
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def mount_of(folder: Path, mounts: str) -> tuple[str, str]:
    """Return kind and options of the mount a folder lies in, from the lines of ``/proc/mounts``."""
    found, longest = ("", ""), -1
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        place = words[1].replace("\\040", " ")
        inside = folder.resolve().is_relative_to(place)
        if inside and len(place) >= longest:
            found, longest = (words[2], words[3]), len(place)
    return found


def _lock_fault(path: str) -> str:
    with open(path, "rb") as first, open(path, "rb") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.strerror or str(error)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
        except OSError as error:
            return error.strerror or str(error)
    return "not exclusive"
