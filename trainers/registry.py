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


def works_on_slices(name: str, folder: Path = PACKAGE / "nnunet") -> bool:
    """Say whether a trainer of ours is for 2D patches only: it is a ``SliceTrainer``, itself or through another.

    A name without a file counts as one that is not.
    """
    path = folder / f"{name}.py"
    if not path.is_file():
        return False
    bases = [base.id for base in _class(path).bases if isinstance(base, ast.Name)]
    return "SliceTrainer" in bases or any(works_on_slices(base, folder) for base in bases)


def _first_line(path: Path) -> str:
    return (ast.get_docstring(_class(path)) or "").partition("\n")[0]


def _class(path: Path) -> ast.ClassDef:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == path.stem:
            return node
    raise TrainerError(
        str(path), found="no class of this name", wanted=f"class {path.stem}", action="name file and class alike"
    )
