"""Random data sets with ties, zeros and small samples for the comparison with R, always the same."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

SEED = 20241
Case = dict[str, Any]
Rng = np.random.Generator
FORMULAS = (
    "value ~ 1", "value ~ kernel", "value ~ arm + kernel", "value ~ arm * kernel", "value ~ arm * kernel + dataset",
    "value ~ arm * dataset", "value ~ kernel + age",
)  # fmt: skip


def random_cases() -> list[Case]:
    """Return the data sets, each with its ``kind``; every kind has its own stream, so adding one moves no other."""
    cases = []
    for index, (kind, (count, make)) in enumerate(MAKERS.items()):
        rng = np.random.default_rng([SEED, index])
        cases += [{"kind": kind, "data": make(rng)} for _ in range(count)]
    return cases


def _scores(rng: Rng, size: int | tuple[int, ...], *, decimals: int | None = None) -> npt.NDArray[np.float64]:
    """Return values of a Dice score, percent or millilitre; few decimals give ties."""
    unit = float(rng.choice(np.array([1.0, 100.0, 3000.0])))
    digits = int(rng.integers(1, 5)) if decimals is None else decimals
    return np.round(rng.beta(6, 3, size) * unit, max(0, digits - round(np.log10(unit))))


def _size(rng: Rng, least: int = 3) -> int:
    """Return a sample size: often small, some on both sides of R's limit of 50."""
    low, high = np.array([(least, 12), (least, 40), (47, 53), (120, 121)])[rng.integers(4)]
    return int(rng.integers(low, high))


def _pairs(rng: Rng) -> Case:
    n = _size(rng)
    x, y = _scores(rng, (2, n))
    zeros = rng.random(n) < rng.choice([0.0] * 12 + [0.3] * 7 + [1.0])
    return {"x": x.tolist(), "y": np.where(zeros, x, y).tolist()}


def _wilcoxon(rng: Rng) -> Case:
    return {**_pairs(rng), "alternative": str(rng.choice(["two.sided", "greater", "less"]))}


def _exact_pairs(rng: Rng) -> Case:
    """Return pairs without tied or zero differences, for which R's interval is exact."""
    n = int(rng.integers(5, 50))
    steps = rng.permutation(np.arange(1, 500))[:n] * rng.choice([-1, 1, 1], n)
    y = rng.integers(0, 1000, n)
    return {"x": ((y + steps) / 1000).tolist(), "y": (y / 1000).tolist()}


def _two_groups(rng: Rng) -> Case:
    both = _scores(rng, _size(rng) + _size(rng) + 6)
    cut = int(rng.integers(3, len(both) - 2))
    return {"x": both[:cut].tolist(), "y": both[cut:].tolist()}


def _groups(rng: Rng) -> Case:
    sizes = rng.integers(3, 30, int(rng.integers(2, 6)))
    return {"groups": [part.tolist() for part in np.split(_scores(rng, int(sizes.sum())), np.cumsum(sizes)[:-1])]}


def _matrix(rng: Rng) -> Case:
    return {"rows": _scores(rng, (_size(rng), int(rng.integers(3, 7)))).tolist()}


def _contingency(rng: Rng) -> Case:
    """Return counts that the exact test can do, with no empty row or column."""
    shapes = [(2, 2, 300), (2, 3, 200), (2, 5, 80), (3, 3, 120), (3, 4, 60), (3, 5, 45), (4, 4, 30)]
    rows, columns, most = shapes[int(rng.integers(len(shapes)))]
    while True:
        shares = np.outer(rng.dirichlet(np.full(rows, 3)), rng.dirichlet(np.full(columns, 3)))
        shares *= rng.uniform(0.3, 1.7, shares.shape)
        counts = rng.multinomial(int(rng.integers(rows * columns, most)), shares.ravel() / shares.sum())
        table = counts.reshape(rows, columns)
        if table.sum(0).all() and table.sum(1).all():
            return {"rows": table.tolist()}


def _p_values(rng: Rng) -> Case:
    p = np.round(rng.beta(0.4, 2, int(rng.integers(1, 12))), int(rng.integers(2, 6)))
    return {"p": p.tolist(), "family": len(p) + int(rng.choice([0, 0, 3]))}


def _related(rng: Rng) -> Case:
    n = _size(rng, least=4)
    x = _scores(rng, n, decimals=3)
    noise = rng.normal(0, x.std() * rng.choice([0.1, 1, 10]), n)
    return {"x": x.tolist(), "y": np.round(rng.choice([-1, 1]) * x + noise, int(rng.integers(0, 4))).tolist()}


def _measured(rng: Rng) -> Case:
    n = _size(rng, least=4)
    x = rng.uniform(200, 2000, n)
    y = x * rng.choice([1.0, 0.95, 0.3]) + rng.normal(0, rng.choice([10, 100, 500]), n)
    return {"x": np.round(x, 1).tolist(), "y": np.round(y, 1).tolist()}


def _readers(rng: Rng) -> Case:
    n, k = int(rng.integers(4, 40)), int(rng.integers(2, 5))
    values = rng.normal(50, 10, (n, 1)) + rng.normal(0, 3, (1, k)) + rng.normal(0, rng.choice([1, 5, 15]), (n, k))
    return {"rows": np.round(values, 2).tolist()}


def _repeated(rng: Rng) -> Case:
    """Return scores of several arms and kernels per patient, some rows missing, some without a patient effect."""
    n = int(rng.integers(8, 40))
    patient, arm, kernel = (grid.ravel() for grid in np.meshgrid(np.arange(n), ["X", "Y"], list("ABC"), indexing="ij"))
    spread = float(rng.choice([0.0, 0.02, 0.08, 0.3]))
    value = 0.8 + spread * rng.normal(size=n)[patient] + 0.02 * (arm == "Y") - 0.03 * (kernel == "C")
    value += 0.05 * (arm == "Y") * (kernel == "B") + rng.normal(0, 0.03, len(value))
    kept = rng.random(len(value)) > rng.choice([0.0, 0.2])
    columns = {
        "value": np.round(value, 4), "patient": np.array([f"p{index}" for index in patient]), "arm": arm,
        "kernel": kernel, "dataset": np.array(["D", "E"])[patient % 2], "age": 40 + (patient * 7) % 41,
    }  # fmt: skip
    return {
        "formula": FORMULAS[int(rng.integers(len(FORMULAS)))],
        "columns": {name: column[kept].tolist() for name, column in columns.items()},
    }


MAKERS: Mapping[str, tuple[int, Callable[[Rng], Case]]] = {
    "wilcoxon": (240, _wilcoxon),
    "hodges_lehmann": (60, _exact_pairs),
    "mann_whitney": (160, _two_groups),
    "kruskal_wallis": (80, _groups),
    "friedman": (80, _matrix),
    "fisher": (120, _contingency),
    "paired_t": (80, _pairs),
    "adjust": (60, _p_values),
    "spearman": (100, _related),
    "concordance": (60, _measured),
    "icc": (30, _readers),
    "mixed_model": (42, _repeated),
}
