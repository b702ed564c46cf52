"""The modules of a package by name, so that adding a file is all it takes to add a metric, table or figure."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

from analysis.errors import AnalysisError


def find_modules(package: str, *, attributes: Sequence[str]) -> dict[str, ModuleType]:
    """Return every module of a package that has all the attributes, by module name, in alphabetical order.

    Raises
    ------
    AnalysisError
        If a module lacks one of the attributes.
    """
    folder = importlib.import_module(package)
    names = sorted(entry.name for entry in pkgutil.iter_modules(folder.__path__))
    modules = {name: importlib.import_module(f"{package}.{name}") for name in names}
    for name, module in modules.items():
        missing = [attribute for attribute in attributes if not hasattr(module, attribute)]
        if missing:
            raise AnalysisError(
                f"{package}/{name}.py: {', '.join(missing)} not found; a file there defines {', '.join(attributes)}"
            )
    return modules
