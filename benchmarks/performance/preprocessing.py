"""Preprocess a study's arms: CPU time and bytes, against its distinct images once, and one nnU-Net dataset per arm.

Every route reads the same phantom images. ``one run per arm`` is our own preparation without sharing; ``nnU-Net`` is
``nnUNetv2_plan_and_preprocess -c 2d -np 1 -npfp 1`` on one dataset per arm, with nnU-Net's own plans. CPU seconds are
user and system time of all processes, start included.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.performance.mini_study import QUICKSTART
from benchmarks.run_folder import open_run
from benchmarks.workflow.job import job_environment
from benchmarks.workflow.jobs import python_command
from dataset_converters.atomic import write_json, write_text
from dataset_converters.writing.provenance import version_of

ARMS = ("LK", "MK", "LK+MK")
WANTED_RATIO = 1.05
"""Three arms may take so many times the CPU seconds and bytes of their distinct images."""
_PHANTOM = re.compile(r"train_patients = \d+, test_patients = \d+, size_zyx = \[[\d, ]+\]")
_ARM = r'\[\[arms\]\]\nname = "{}"\n.*\n.*\n\n'


def main(arguments: list[str] | None = None) -> int:
    """Measure every route; return 1 if ours is above what it may take."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance preprocessing", description=__doc__)
    parser.add_argument("--patients", type=int, default=8, help="training patients, two images each (default 8)")
    parser.add_argument("--size", type=int, nargs=3, default=(48, 192, 192), metavar=("Z", "Y", "X"))
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the report here too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        table = measure(Path(folder), patients=options.patients, size_zyx=tuple(options.size))
    report = "\n".join(_report(table, options))
    print(report)
    if options.out:
        write_text(options.out, report)
    return 0 if reached(table) else 1


def measure(folder: Path, *, patients: int, size_zyx: tuple[int, ...]) -> pd.DataFrame:
    """Return one row per route: ``images`` preprocessed, ``cpu_s``, ``bytes`` of the preprocessed cases."""
    routes: dict[str, list[tuple[str, ...]]] = {"three arms, one preparation": [ARMS]}
    routes |= {"their distinct images once": [("LK+MK",)], "one run per arm": [(arm,) for arm in ARMS]}
    rows = []
    for number, (route, runs) in enumerate(routes.items()):
        found = [_prepare(folder / f"{number}-{part}", arms, patients, size_zyx) for part, arms in enumerate(runs)]
        rows.append({"route": route} | {name: sum(entry[name] for entry in found) for name in found[0]})
        print(rows[-1], file=sys.stderr, flush=True)
    stock = [_stock(folder / "0-0", folder / "stock", arm, 911 + part) for part, arm in enumerate(ARMS)]
    rows.append({"route": "nnU-Net, one dataset per arm"} | {name: sum(e[name] for e in stock) for name in stock[0]})
    return pd.DataFrame(rows).set_index("route")


def reached(table: pd.DataFrame) -> bool:
    """Tell whether the arms take as little more than their distinct images as they may."""
    ours, once = table.to_dict("records")[:2]
    return all(ours[name] <= WANTED_RATIO * once[name] for name in ("cpu_s", "bytes"))


def _prepare(run: Path, arms: tuple[str, ...], patients: int, size_zyx: tuple[int, ...]) -> dict[str, float]:
    """Convert and assemble a study of some arms, and measure its preparation."""
    text = QUICKSTART.read_text(encoding="utf-8")
    size = f"[{', '.join(map(str, size_zyx))}]"
    text = _PHANTOM.sub(f"train_patients = {patients}, test_patients = 1, size_zyx = {size}", text)
    for arm in set(ARMS) - set(arms):
        text = re.sub(_ARM.format(re.escape(arm)), "", text)
    text = text[: text.index("comparisons = [")]
    study = run.with_suffix(".toml")
    study.parent.mkdir(parents=True, exist_ok=True)
    study.write_text(text, encoding="utf-8")
    _, jobs = open_run(study, run, data=None, device="cpu")
    cpu_s = 0.0
    for job in jobs:
        if job.kind in ("convert", "assemble", "prepare"):
            cpu_s = _cpu_seconds(python_command(job), run, job_environment())
    return {"images": _count(run), "cpu_s": cpu_s, "bytes": _bytes(run)}


def _stock(run: Path, folder: Path, arm: str, number: int) -> dict[str, float]:
    """Preprocess one arm's images as an nnU-Net dataset of its own, with nnU-Net's command."""
    matrix = json.loads((run / "matrix.json").read_text(encoding="utf-8"))
    raw = run / "nnUNet_raw" / matrix["nnunet"]
    content = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    split = next(plan["splits"][0] for plan in matrix["plans"] if plan["arm"] == arm)
    cases = [*split["train"], *split["val"]]
    listing = {
        case: {"images": [str((raw / entry).resolve()) for entry in content["dataset"][case]["images"]]}
        | {"label": str((raw / content["dataset"][case]["label"]).resolve())}
        for case in cases
    }
    name = f"Dataset{number}_arm"
    write_json(folder / "raw" / name / "dataset.json", content | {"dataset": listing, "numTraining": len(cases)})
    environment = job_environment() | {"nnUNet_raw": str(folder / "raw"), "nnUNet_results": str(folder / "results")}
    environment |= {"nnUNet_preprocessed": str(folder / "preprocessed")}
    command = [str(Path(sys.executable).with_name("nnUNetv2_plan_and_preprocess")), "-d", str(number), "-c", "2d"]
    cpu_s = _cpu_seconds([*command, "-np", "1", "-npfp", "1"], folder, environment)
    found = {"images": float(len(cases)), "cpu_s": cpu_s, "bytes": _bytes(folder)}
    shutil.rmtree(folder)
    return found


def _cpu_seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cases(folder: Path) -> list[Path]:
    """List the files of preprocessed cases: voxels, labels, properties."""
    return [path for path in folder.glob("*reprocessed/*/nnUNetPlans_2d/*") if path.suffix in (".b2nd", ".pkl")]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in _cases(folder))


def _count(folder: Path) -> int:
    return sum(path.suffix == ".pkl" for path in _cases(folder))


def _report(table: pd.DataFrame, options: argparse.Namespace) -> list[str]:
    size = " x ".join(map(str, options.size))
    once = list(table.to_dict("index")["their distinct images once"].values())
    arguments = f"--patients {options.patients} --size {' '.join(map(str, options.size))}"
    lines = [
        "# Preprocessing three arms: CPU time and bytes",
        "",
        f"{options.patients} phantom patients with two kernels, {size} voxels; arms {', '.join(ARMS)}. "
        f"`python -m benchmarks.performance preprocessing {arguments}`, {os.cpu_count()} {platform.machine()} cores, "
        f"nnunetv2 {version_of('nnunetv2')}. CPU seconds are user and system time of all processes, start included; "
        "nnU-Net's command runs with `-c 2d -np 1 -npfp 1` and its own plans, which keep another spacing.",
        "",
        "| route | images | CPU s | times | MB | times |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for route, row in table.to_dict("index").items():
        ratio = {name: value / row_once for (name, value), row_once in zip(row.items(), once, strict=True)}
        cells = [str(route), f"{row['images']:.0f}", f"{row['cpu_s']:.1f}", f"{ratio['cpu_s']:.2f}"]
        cells += [f"{row['bytes'] / 1e6:.1f}", f"{ratio['bytes']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    word = "yes" if reached(table) else "NO"
    return [*lines, "", f"- {word}: three arms take at most {WANTED_RATIO} times their distinct images", ""]
