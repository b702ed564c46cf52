"""One library on one pair of masks, in a process of its own: ``python -m benchmarks.performance.scoring_worker``."""

import gc
import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.performance.lung_pair import SPACING_ZYX_MM
from benchmarks.performance.scoring_routes import ROUTES, Route


def main(arguments: list[str]) -> int:
    """Run the route of a name on ``reference.npy`` and ``prediction.npy`` of a folder; print the result as JSON."""
    name, folder = arguments
    route = next(entry for entry in ROUTES if entry.name == name)
    print(json.dumps(measure(route, Path(folder))))
    return 0


def measure(route: Route, folder: Path) -> dict[str, float]:
    """Return values, ``cpu_s`` (fastest run, all threads), and ``extra_mb`` (peak memory of the first run over that
    with both masks loaded).
    """
    reference, prediction = (np.load(folder / f"{name}.npy") for name in ("reference", "prediction"))
    _warm_up(route)
    gc.collect()
    before = _memory_mb("VmRSS")
    _forget_peak()
    values, seconds = _timed(route, reference, prediction)
    extra = _memory_mb("VmHWM") - before
    others = [_timed(route, reference, prediction)[1] for _ in range(route.repeats - 1)]
    return values | {"cpu_s": min([seconds, *others]), "extra_mb": extra}


def _warm_up(route: Route) -> None:
    """Import what the route needs, on masks that take no time; far apart, so that nothing is left to import later."""
    small = np.zeros((8, 8, 48), dtype=bool)
    small[2:5, 2:5, 2:5] = True
    route.compute(small, small | np.roll(small, 40, axis=2), SPACING_ZYX_MM)


def _timed(route: Route, reference: np.ndarray, prediction: np.ndarray) -> tuple[dict[str, float], float]:
    start = time.process_time()
    values = route.compute(reference, prediction, SPACING_ZYX_MM)
    return values, time.process_time() - start


def _memory_mb(name: str) -> float:
    """Return a memory figure of this process as Linux reports it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
