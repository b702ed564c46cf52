"""Which kinds of image (native, emulated, learned, simulated) a study would average: never two in one number."""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from benchmarks.study import Study, TestSet

Kinds: TypeAlias = Mapping[tuple[str, str], Collection[str]]
"""Dataset and variant to the kinds of its images; what is not in it counts for nothing."""


def kinds_on(test_set: TestSet, kinds: Kinds) -> dict[str, list[str]]:
    """Return the kinds of image a test set has, each with its variants."""
    found: dict[str, list[str]] = {}
    for dataset in test_set.datasets:
        for variant in test_set.variants:
            for kind in kinds.get((dataset, variant), ()):
                if variant not in found.setdefault(kind, []):
                    found[kind].append(variant)
    return found


def mixed_kinds(study: Study, kinds: Kinds) -> list[str]:
    """Return a line for every test set or pool whose numbers would average images of two kinds."""
    of_sets = {entry.name: kinds_on(entry, kinds) for entry in study.test_sets}
    averaged = {f"test_sets.{name}": found for name, found in of_sets.items()}
    for pool in study.tables.pools:
        members = [of_sets[name] for name in pool.test_sets if name in of_sets]
        averaged[f"tables.pools.{pool.name}"] = {
            kind: list(dict.fromkeys(variant for found in members for variant in found.get(kind, ())))
            for kind in dict.fromkeys(kind for found in members for kind in found)
        }
    return [
        f"[{where}] found images of {len(found)} kinds: "
        + "; ".join(f"{kind} ({', '.join(variants)})" for kind, variants in sorted(found.items()))
        + "; wanted one kind, since native and other images are never averaged; make one of each kind"
        for where, found in averaged.items()
        if len(found) > 1
    ]
