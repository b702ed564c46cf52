"""List the trainers without importing them (torch takes seconds)."""

import ast
from pathlib import Path

from trainers.errors import TrainerError

PACKAGE = Path(__file__).resolve().parent
EXTENSION_FOLDER = PACKAGE / "extension"


def list_trainers(folder: Path = PACKAGE / "nnunet") -> dict[str, str]:
    """Return the name of every trainer class, to the first line of its docstring.

    Raises
    ------
    TrainerError
        A file does not define a class of its own name.
    """
    files = sorted(path for path in folder.glob("*.py") if path.stem != "__init__")
    return {path.stem: _first_line(path) for path in files}


def _first_line(path: Path) -> str:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == path.stem:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise TrainerError(
        str(path), found="no class of this name", wanted=f"class {path.stem}", action="name file and class alike"
    )
