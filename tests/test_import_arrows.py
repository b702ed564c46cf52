"""Who may import whom, read from the syntax tree: stages meet through files."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmarks", "dataset_converters", "trainers", "analysis")
FILES = ("dataset_converters.atomic", "dataset_converters.volumes.nifti")
"""How a file is written whole, in one place for all."""
KINDS = "benchmarks.study_kinds"
"""What may never be averaged: refused before a run is made, and again when its scores are read."""
ALLOWED = {
    "dataset_converters": ("dataset_converters",),
    "trainers": ("trainers", "dataset_converters.physics", "dataset_converters.registration", *FILES),
    "analysis": ("analysis", "dataset_converters.physics", *FILES, "benchmarks.study", "benchmarks.study_file", KINDS),
    "benchmarks": ("benchmarks", "dataset_converters", "trainers"),
    "benchmarks.performance": PACKAGES,
}
"""Longest matching module prefix decides; ``benchmarks.study`` allows that module and nothing below it."""
WITHOUT_TORCH = ("analysis", "dataset_converters")
WITH_TORCH = (
    "dataset_converters.physics.parallel_beam",
    "dataset_converters.physics.fan_beam",
    "dataset_converters.registration.affine",
    "dataset_converters.registration.backends.svf",
    "dataset_converters.registration.sampling",
    "dataset_converters.registration.velocity",
    "dataset_converters.registration.velocity_descent",
    "dataset_converters.registration.warp",
)
"""The two beams of the slow simulation, imported where they are used; the parts of a registration that sample."""
TORCH = {"torch", "torchvision", "nnunetv2"}
MODULES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, package: str) -> set[str]:
    """Return every module a source file imports, also inside functions; ``from a import b`` counts as ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return found


def is_allowed(imported: str, rules: tuple[str, ...]) -> bool:
    return any(imported == rule or imported.startswith(f"{rule}.") for rule in rules)


def rules_for(module: str) -> tuple[str, ...]:
    return ALLOWED[max((key for key in ALLOWED if is_allowed(module, (key,))), key=len)]


def forbidden_imports(module: str, imported: set[str]) -> list[str]:
    ours = {name for name in imported if name.split(".")[0] in PACKAGES}
    wrong = {name for name in ours if not is_allowed(name, rules_for(module))}
    if module.split(".")[0] in WITHOUT_TORCH and module not in WITH_TORCH:
        wrong |= {name for name in imported if name.split(".")[0] in TORCH}
    return sorted(wrong)


@pytest.mark.parametrize("path", MODULES, ids=[module_name(path) for path in MODULES])
def test_imports_follow_the_arrows(path: Path) -> None:
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    assert forbidden_imports(module, imported_modules(path.read_text(encoding="utf-8"), package)) == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("dataset_converters.writing.writer", "import analysis.metrics", ["analysis.metrics"]),
        ("trainers.nnunet.x", "from dataset_converters.volumes import grid", ["dataset_converters.volumes.grid"]),
        ("trainers.nnunet.x", "from dataset_converters.physics import noise", []),
        ("trainers.nnunet.x", "def f():\n    from benchmarks.study import Study", ["benchmarks.study.Study"]),
        ("analysis.evaluate", "from benchmarks.study import Study", []),
        ("analysis.evaluate", "from benchmarks.study_files import x", ["benchmarks.study_files.x"]),
        ("analysis.evaluate", "import torch.nn as nn", ["torch.nn"]),
        ("benchmarks.assemble", "from analysis import evaluate", ["analysis.evaluate"]),
        ("benchmarks.performance.metrics", "from analysis import evaluate", []),
    ],
)
def test_the_rules_themselves(module: str, source: str, wrong: list[str]) -> None:
    assert forbidden_imports(module, imported_modules(source, module.rpartition(".")[0])) == wrong


def test_packages_export_nothing_from_init() -> None:
    inits = [path for path in MODULES if path.name == "__init__.py"]
    bodies = {path: ast.parse(path.read_text(encoding="utf-8")).body for path in inits}
    assert [str(path) for path, body in bodies.items() if not all(_is_text(node) for node in body)] == []


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
