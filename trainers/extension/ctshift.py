"""The one file in the folder ``nnUNet_extTrainer`` points at: it finds ``trainers/nnunet/<Trainer>.py`` for nnU-Net.

nnU-Net looks a class up by ``hasattr(module, name)`` and forgets this module afterwards. A class is imported from the
installed package when it is asked for, so it can be pickled, and a broken neighbour cannot stop the search.
"""

import importlib
import pkgutil
from typing import Any

from trainers import nnunet


def __getattr__(name: str) -> Any:
    if name not in {module.name for module in pkgutil.iter_modules(nnunet.__path__)}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{nnunet.__name__}.{name}"), name)
