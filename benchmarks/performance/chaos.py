"""Kill, damage and starve runs of a small study: the same command has to end with the same bytes of scores.

Kills take turns among the runner, the engine, a job's wrapper, a training and a prediction, each after a random time.
After each the same command is given again; whenever a run ends, its scores are compared and a new folder is begun. Then
every fault of ``chaos_faults`` is done to a run stopped in its training, and the same command given once more.
"""

import argparse
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.performance.chaos_faults import FAULTS, stop_in_training
from benchmarks.performance.chaos_processes import LONGEST_S, VICTIMS, Command, kill_one, lost_epochs
from benchmarks.performance.mini_study import write_mini_study
from dataset_converters.atomic import write_text


@dataclass
class Record:
    """What happened, and what was wrong with it."""

    undisturbed_s: float = 0.0
    kills: list[tuple[str, float]] = field(default_factory=list)
    runs: int = 0
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def check(self, name: str, run: Path, answer: tuple[int, str], scores: bytes) -> str:
        """Note a run that did not end well; return the verdict."""
        code, words = answer
        same = (run / "scores.csv").is_file() and (run / "scores.csv").read_bytes() == scores
        if code == 0 and same:
            return "same scores"
        last = " / ".join(words.strip().splitlines()[-3:])
        self.wrong.append(f"{name}: exit code {code}, {'same' if same else 'other'} scores: {last}")
        return "WRONG"


def main(arguments: list[str] | None = None) -> int:
    """Run all of it; return 1 if any run ended otherwise than the undisturbed one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--study", type=Path, help="study file (default: the quickstart, much smaller, two arms)")
    parser.add_argument("--profile", help="give this --profile to every run (slurm)")
    parser.add_argument("--faults", nargs="*", choices=list(FAULTS), default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--work", type=Path, help="folder to work in, kept (default: a temporary one)")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the report here too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = (options.work or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        study = (options.study or write_mini_study(folder, two_arms=True)).resolve()
        command = Command(study, ("--profile", options.profile) if options.profile else ())
        record = disturb(command, folder, kills=options.kills, seed=options.seed, faults=tuple(options.faults))
    report = write_report(record, options)
    print(report)
    if options.out:
        write_text(options.out, report)
    return 1 if record.wrong else 0


def disturb(command: Command, folder: Path, *, kills: int, seed: int, faults: tuple[str, ...] = ()) -> Record:
    """Run a study undisturbed, with kills and with faults, all in folders below ``folder``."""
    record = Record()
    started = time.monotonic()
    code, words = command.finish(folder / "undisturbed")
    record.undisturbed_s = time.monotonic() - started
    if code:
        record.wrong.append(f"undisturbed: exit code {code}: {words[-500:]}")
        return record
    scores = (folder / "undisturbed" / "scores.csv").read_bytes()
    kill_often(command, folder, record, scores, kills=kills, seed=seed)
    if faults:
        stop_in_training(command, folder / "stopped")
    for number, name in enumerate(faults):
        _say(f"fault: {name}")
        run = folder / f"fault{number}"
        shutil.copytree(folder / "stopped", run, symlinks=True)
        seen = FAULTS[name](command, run)
        verdict = record.check(name, run, command.finish(run), scores)
        record.faults.append((name, seen, verdict))
        _say(f"  {seen}; then {verdict}")
        if seen.startswith("WRONG"):
            record.wrong.append(f"{name}: {seen}")
        if verdict == "same scores":
            shutil.rmtree(run)
    return record


def kill_often(
    command: Command,
    folder: Path,
    record: Record,
    scores: bytes,
    *,
    kills: int,
    seed: int,
    kinds: tuple[str, ...] = tuple(VICTIMS),
) -> None:
    """Kill processes of runs in turn, until there were enough kills; every run is brought to its end and compared."""
    generator = random.Random(seed)
    while len(record.kills) < kills:
        run = folder / f"killed{record.runs}"
        ended = False
        while not ended and len(record.kills) < kills:
            kind = kinds[len(record.kills) % len(kinds)]
            delay = generator.uniform(0, record.undisturbed_s * (0.8 if kind == "runner" else 0.1))
            process = command.start(run)
            after = kill_one(kind, process, run, delay)
            words, _ = process.communicate(timeout=LONGEST_S)
            ended = after is None and process.returncode == 0
            if after is not None:
                record.kills.append((kind, after))
                _say(f"kill {len(record.kills)}: {kind} after {after:.1f} s")
            elif process.returncode:
                record.wrong.append(f"{run.name}: ended with {process.returncode} unkilled: {words[-300:]}")
                return
        _say(f"{run.name}: {record.check(run.name, run, command.finish(run), scores)}")
        record.wrong += [f"{run.name}: {line}" for line in lost_epochs(run)]
        record.runs += 1


def write_report(record: Record, options: argparse.Namespace) -> str:
    """Return the report as Markdown."""
    profile = f" --profile {options.profile}" if options.profile else ""
    lines = [
        "# Kills and faults: does the same command end with the same scores?",
        "",
        f"`python -m benchmarks.performance chaos --kills {len(record.kills)} --seed {options.seed}{profile}`, "
        f"{os.cpu_count()} {platform.machine()} cores. The study undisturbed took {record.undisturbed_s:.0f} s.",
        "",
        f"{len(record.kills)} x `kill -9` over {record.runs} runs; after each the same command again, to the end:",
        "",
        "| killed | times | seconds after its start command |",
        "| --- | --- | --- |",
    ]
    for kind in VICTIMS:
        after = [f"{seconds:.0f}" for name, seconds in record.kills if name == kind]
        lines.append(f"| {kind} | {len(after)} | {', '.join(after)} |")
    lines += ["", "| fault, in a run stopped in its training | seen | then the same command |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in record.faults]
    lines += [""]
    lines += [f"- WRONG: {line}" for line in record.wrong]
    if not record.wrong:
        lines.append("- yes: every run ended with the bytes of the undisturbed `scores.csv`, and no training went on")
        lines.append("  before an epoch that it had begun")
    return "\n".join([*lines, ""])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
