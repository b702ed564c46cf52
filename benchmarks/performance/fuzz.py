"""Damaged files through the real readers, in processes that are killed when they take too long or too much.

Every input must be refused with a `ConversionError` or give the volume that another program reads from the same
bytes. A crash, another exception, more than 20 seconds, more than 2 GiB, or a file touched elsewhere is a fault; its
input is kept for ``--replay``.
"""

import argparse
import base64
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.performance.fuzz_samples import KINDS, damaged_files

SECONDS = 20.0
GOOD = ("refused", "correct", "uncompared")
_PROGRAM = ("-m", "benchmarks.performance.fuzz_worker")
_REPOSITORY = Path(__file__).resolve().parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Verdict:
    """What became of one input."""

    verdict: str
    detail: str = ""
    seconds: float = 0.0
    extra_mb: float = 0.0


@dataclass
class Tally:
    """What became of many inputs of one kind."""

    verdicts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    extra_mb: float = 0.0
    faults: list[tuple[str, Path]] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one more."""
        self.verdicts[verdict.verdict] += 1
        self.slowest_s = max(self.slowest_s, verdict.seconds)
        self.extra_mb = max(self.extra_mb, verdict.extra_mb)


class Worker:
    """One process that reads inputs; a new one takes over after a crash or a timeout."""

    def __init__(
        self, kinds: Sequence[str] = (), *, seconds: float = SECONDS, program: Sequence[str] = _PROGRAM
    ) -> None:
        self._kinds, self.seconds, self._program = kinds, seconds, program
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._folder.cleanup()

    def judge(self, kind: str, files: Mapping[str, bytes]) -> Verdict:
        """Send one input, wait for its verdict; ``hang`` or ``crash`` if none comes."""
        process = self._process or self._start()
        try:
            line = self._answer(process, pack(kind, files).encode() + b"\n")
        except TimeoutError:
            self._stop()
            return Verdict("hang", f"no answer in {self.seconds:g} s", self.seconds)
        if line:
            return Verdict(**json.loads(line))
        code = process.wait()
        self._stop()
        return Verdict("crash", f"ended with code {code}: {self._errors()[-500:]}")

    def _answer(self, process: subprocess.Popen[bytes], question: bytes) -> bytes:
        """Return the worker's line, empty if it ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question)
            process.stdin.flush()
        except BrokenPipeError:
            return b""
        if not select.select([process.stdout], [], [], self.seconds)[0]:
            raise TimeoutError
        return process.stdout.readline()

    def _start(self) -> subprocess.Popen[bytes]:
        folder = Path(self._folder.name)
        (folder / "work").mkdir(exist_ok=True)
        for left in (folder / "work" / "source").glob("*"):
            left.unlink()
        command = [sys.executable, "-X", "faulthandler", *self._program, str(folder / "work"), *self._kinds]
        environment = os.environ | _ONE_THREAD | {"TMPDIR": str(folder / "work"), "PYTHONPATH": str(_REPOSITORY)}
        with (folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
        return self._process

    def _errors(self) -> str:
        return (Path(self._folder.name) / "errors").read_text(errors="replace")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    stream.close()
        self._process = None


def main(arguments: Sequence[str]) -> int:
    """Damage, read, count; return 1 if any input had a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="inputs of all kinds together (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--jobs", type=int, default=1, help="processes that read")
    parser.add_argument("--keep", type=Path, default=Path("fuzz_faults"), help="folder for inputs with faults")
    parser.add_argument("--replay", type=Path, nargs="+", default=[], metavar="FILE", help="read kept inputs again")
    parser.add_argument("--out", type=Path, default=None, metavar="FILE.md", help="also write the table there")
    options = parser.parse_args(arguments)
    if options.replay:
        return _replay(options.replay)
    started = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        shares = [range(job, options.count, options.jobs) for job in range(options.jobs)]
        tallies = list(pool.map(lambda share: fuzz(share, options.kind, options.seed, keep=options.keep), shares))
    merged = _merged(tallies)
    report = report_of(merged, seed=options.seed, seconds=time.monotonic() - started)
    print(report)
    if options.out:
        options.out.write_text(report + "\n", encoding="utf-8")
    faults = [fault for tally in merged.values() for fault in tally.faults]
    for detail, path in faults[:20]:
        print(f"{path}: {detail}", file=sys.stderr)
    return 1 if faults else 0


def fuzz(numbers: Sequence[int], kinds: Sequence[str], seed: int, *, keep: Path) -> dict[str, Tally]:
    """Read the inputs of the given numbers in one worker; number and seed decide an input."""
    tallies = {kind: Tally() for kind in kinds}
    with Worker(kinds) as worker:
        for number in numbers:
            kind = kinds[number % len(kinds)]
            files = damaged_files(kind, random.Random(f"{seed} {number}"))
            verdict = worker.judge(kind, files)
            tallies[kind].add(verdict)
            if verdict.verdict not in GOOD:
                path = keep / f"{kind}-{verdict.verdict}-{seed}-{number}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(pack(kind, files), encoding="ascii")
                tallies[kind].faults.append((f"{verdict.verdict}: {verdict.detail.strip()[-300:]}", path))
    return tallies


def pack(kind: str, files: Mapping[str, bytes]) -> str:
    """Return an input as one line of JSON."""
    return json.dumps({"kind": kind, "files": {name: base64.b64encode(c).decode() for name, c in files.items()}})


def unpack(text: str) -> tuple[str, dict[str, bytes]]:
    """Return the kind and files of an input."""
    content = json.loads(text)
    return content["kind"], {name: base64.b64decode(data) for name, data in content["files"].items()}


def report_of(tallies: Mapping[str, Tally], *, seed: int, seconds: float) -> str:
    """Return the counts as a Markdown table."""
    names = ("refused", "correct", "uncompared", "wrong", "error", "memory", "files", "hang", "crash")
    total = sum(sum(tally.verdicts.values()) for tally in tallies.values())
    lines = [
        f"{total} inputs, seed {seed}, {seconds:.0f} s ({total / max(seconds, 1e-9):.0f} a second).",
        "",
        f"| kind | inputs | {' | '.join(names)} | slowest (s) | peak memory (MB over baseline) |",
        "|" + " --- |" * (len(names) + 4),
    ]
    for kind, tally in tallies.items():
        counts = " | ".join(str(tally.verdicts[name]) for name in names)
        count = sum(tally.verdicts.values())
        lines.append(f"| {kind} | {count} | {counts} | {tally.slowest_s:.2f} | {tally.extra_mb:.0f} |")
    return "\n".join(lines)


def _replay(paths: Sequence[Path]) -> int:
    bad = 0
    with Worker() as worker:
        for path in paths:
            verdict = worker.judge(*unpack(path.read_text(encoding="ascii")))
            print(f"{path}: {verdict.verdict}: {verdict.detail}")
            bad += verdict.verdict not in GOOD
    return 1 if bad else 0


def _merged(tallies: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    merged = {kind: Tally() for kind in tallies[0]}
    for each in tallies:
        for kind, tally in each.items():
            merged[kind].verdicts += tally.verdicts
            merged[kind].slowest_s = max(merged[kind].slowest_s, tally.slowest_s)
            merged[kind].extra_mb = max(merged[kind].extra_mb, tally.extra_mb)
            merged[kind].faults += tally.faults
    return merged


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
