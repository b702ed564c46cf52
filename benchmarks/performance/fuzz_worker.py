"""A process that reads damaged files one after the other and says what became of each; it may be killed at any time.

``python -m benchmarks.performance.fuzz_worker FOLDER``: one JSON line per input on standard input, one per verdict on
standard output. Everything happens below ``FOLDER``; a file opened elsewhere is a fault.
"""

import base64
import json
import logging
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from benchmarks.performance.fuzz_readings import MalformedError, NotComparableError, difference, reading_of
from benchmarks.performance.fuzz_samples import KINDS, valid_files
from dataset_converters.errors import ConversionError

MEMORY_BYTES = 2 * 2**30
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ACTING: tuple[str, ...] = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.system",
    "subprocess.Popen",
)
_ACTING += ("socket.connect", "os.exec", "os.chmod", "os.truncate", "shutil.rmtree")


def main(arguments: list[str]) -> int:
    """Answer inputs until standard input ends."""
    folder = Path(arguments[0]).resolve()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    os.chdir(folder)
    tempfile.tempdir = str(folder)
    for kind in {*arguments[1:]} or set(KINDS):  # so that nothing is left to import under the limit
        judge(kind, valid_files(kind), folder)
    watch = _Watch(folder)
    limit = _virtual_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    baseline = _peak_bytes()
    for line in sys.stdin:
        message = json.loads(line)
        files = {name: base64.b64decode(content) for name, content in message["files"].items()}
        watch.seen.clear()
        started = time.monotonic()
        verdict, detail = judge(message["kind"], files, folder, watch)
        answer = {"verdict": verdict, "detail": detail, "seconds": time.monotonic() - started}
        print(json.dumps(answer | {"extra_mb": (_peak_bytes() - baseline) / 2**20}), file=answers, flush=True)
    return 0


def judge(kind: str, files: Mapping[str, bytes], folder: Path, watch: "_Watch | None" = None) -> tuple[str, str]:
    """Read files of a kind: ``refused``, ``correct``, ``uncompared``, or a fault: ``wrong``, ``error``, ``memory``,
    ``files``; with what happened.
    """
    source = folder / "source"
    source.mkdir(exist_ok=True)
    for name, content in files.items():
        (source / name).write_bytes(content)
    try:
        if watch:
            watch.active = True
        try:
            image = KINDS[kind].read(source)
        finally:
            if watch:
                watch.active = False
    except ConversionError as error:
        found = _judge_refusal(error)
    except MemoryError:
        found = ("memory", "a request above the limit")
    except BaseException as error:  # any other exception is what is looked for
        found = ("error", "".join(traceback.format_exception(error))[-1500:])
    else:
        found = _judge_volume(kind, source, image)
    return _judge_files(files, source, watch) or found


def _judge_refusal(error: BaseException) -> tuple[str, str]:
    reasons = [*_chain(error)]
    if any(isinstance(reason, MemoryError) or "allocate" in str(reason) for reason in reasons):
        return "memory", f"a request above the limit became a refusal: {error}"
    return "refused", str(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _judge_volume(kind: str, source: Path, image: sitk.Image) -> tuple[str, str]:
    try:
        other = KINDS[kind].reread(source)
    except MalformedError as error:
        return "wrong", str(error)
    except NotComparableError as error:
        return "uncompared", str(error)
    except Exception as error:
        return "uncompared", f"{type(error).__name__}: {error}"
    different = difference(reading_of(image), other)
    return ("wrong", different) if different else ("correct", "")


def _judge_files(files: Mapping[str, bytes], source: Path, watch: "_Watch | None") -> tuple[str, str] | None:
    """Look whether reading touched anything but its input, and clear the folder."""
    paths = [path for path in source.parent.rglob("*") if path != source]
    there = {path.relative_to(source.parent).as_posix() for path in paths}
    wanted = {f"source/{name}" for name in files}
    changed = [name for name, content in files.items() if (source / name).read_bytes() != content]
    for path in paths:
        if path.is_file():
            path.unlink()
    if there != wanted or changed:
        return "files", f"folder holds {sorted(there)}, changed {changed}"
    if watch and watch.seen:
        return "files", f"touched {watch.seen[:3]}"
    return None


class _Watch:
    """Notes every file opened outside the input's folder, or for writing, and every other act on the system."""

    def __init__(self, folder: Path) -> None:
        self.active = False
        self.seen: list[str] = []
        self._readable = tuple(str(path) for path in (folder / "source", sys.prefix, sys.base_prefix, _repository()))
        sys.addaudithook(self._note)

    def _note(self, event: str, values: tuple[Any, ...]) -> None:
        if not self.active or event not in (*_ACTING, "open"):
            return
        if event != "open":
            self.seen.append(f"{event} {values!r:.200}")
        elif isinstance(values[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(values[0]))
            writing = values[2] & _WRITING if isinstance(values[2], int) else False
            if writing or not path.startswith((*self._readable, "/proc/self", "/usr/lib", "/usr/share")):
                self.seen.append(f"open {path}")


def _repository() -> Path:
    return Path(__file__).resolve().parents[2]


def _virtual_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
