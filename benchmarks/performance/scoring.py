"""Surface distances of two large lung masks by our code and by other libraries: CPU time, peak memory, values.

Each library runs in its own process on one thread. CPU seconds are the fastest run's; peak memory is what its first run
adds to a process with both masks loaded.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.performance.lung_pair import make_lung_pair
from benchmarks.performance.scoring_report import print_report, reached, write_report
from benchmarks.performance.scoring_routes import ROUTES, Route

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1"
)


def main(arguments: list[str] | None = None) -> int:
    """Measure every installed library; return 1 if ours is not as fast, small and equal as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance scoring", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the masks, 1 is 300 x 512 x 512 (default)")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[route.name for route in ROUTES], help="libraries")
    parser.add_argument("--out", type=Path, nargs="+", default=[], metavar="FILE", help="also write .csv or .md")
    options = parser.parse_args(arguments)
    wrong = [str(path) for path in options.out if path.suffix not in (".csv", ".md")]
    if wrong:
        parser.error(f"--out {', '.join(wrong)}: wanted .csv or .md")
    routes = [route for route in ROUTES if not options.only or route.name in options.only]
    table = measure_routes(routes, scale=options.scale)
    print_report(table)
    for path in options.out:
        write_report(table, path, versions=_versions(), scale=options.scale)
    return 0 if reached(table) else 1


def measure_routes(routes: list[Route], *, scale: float = 1.0) -> pd.DataFrame:
    """Return one row per library: route, version, surface, hd95, note, cpu_s, extra_mb, HD95, forth, back, NSD.

    ``note`` says why a library has no numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        reference, prediction = make_lung_pair(scale)
        np.save(Path(folder) / "reference.npy", reference)
        np.save(Path(folder) / "prediction.npy", prediction)
        shared = int(np.count_nonzero(reference & prediction))
        dsc = 2 * shared / (int(reference.sum()) + int(prediction.sum()))
        size = " x ".join(map(str, reference.shape))
        del reference, prediction
        table = pd.DataFrame([_row(route, Path(folder)) for route in routes])
    table.attrs = {"size": size, "dsc": dsc}
    return table


def _row(route: Route, folder: Path) -> dict[str, str | float]:
    row: dict[str, str | float] = {"route": route.name, "version": "", "surface": route.surface, "hd95": route.hd95}
    if any(importlib.util.find_spec(module) is None for module in route.modules):
        return row | {"note": f"not installed: pip install {' '.join(route.packages)}"}
    row["version"] = importlib.metadata.version(route.packages[0])
    print(f"{route.name} {row['version']}...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.performance.scoring_worker", route.name, str(folder)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"ended with code {done.returncode}"]
        return row | {"note": f"failed: {last[0]}"}
    return row | {"note": ""} | json.loads(done.stdout.splitlines()[-1])


def _versions() -> dict[str, str]:
    packages = ("numpy", "scipy", "torch")
    return {"Python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}
