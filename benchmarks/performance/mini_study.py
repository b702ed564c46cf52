"""The quickstart on a few small phantoms and with a few iterations: a whole run in half a minute."""

from pathlib import Path

QUICKSTART = Path(__file__).resolve().parents[1] / "studies" / "quickstart.toml"
PARTS = {
    "train_patients = 8, test_patients = 10, size_zyx = [48, 128, 128], seed = 2021": (
        "train_patients = 3, test_patients = 3, size_zyx = [8, 64, 64], seed = 3, readers = 2, annotated = 5"
    ),
    "iterations = 400\n": "iterations = 16\n",
    "iterations_per_epoch = 50\n": "iterations_per_epoch = 4\n",
    "patch_size = [128, 128]\nspacing_mm = [3.1, 3.1]": "patch_size = [64, 64]\nspacing_mm = [6.0, 6.0]",
    "width = 8": "width = 4",
}


def write_mini_study(folder: Path) -> Path:
    """Write ``mini.toml`` and return its path.

    Raises
    ------
    ValueError
        If the quickstart no longer has a part that is replaced.
    """
    text = QUICKSTART.read_text(encoding="utf-8")
    for old, new in PARTS.items():
        if old not in text:
            raise ValueError(f"{QUICKSTART}: found no {old!r}; wanted one to replace; mend PARTS")
        text = text.replace(old, new, 1)
    path = folder / "mini.toml"
    path.write_text(text, encoding="utf-8")
    return path
