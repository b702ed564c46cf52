"""The quickstart on a few small phantoms and with a few iterations: a whole run in half a minute."""

import re
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

THIRD_ARM = r'\[\[arms\]\]\nname = "LK\+MK"\n.*\n.*\n\n|    \{ arms = \["LK\+MK".*\n'


def write_mini_study(folder: Path, *, two_arms: bool = False) -> Path:
    """Write ``mini.toml``, without the arm of both kernels if asked, and return its path.

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
    if two_arms:
        text = re.sub(THIRD_ARM, "", text)
    path = folder / "mini.toml"
    path.write_text(text, encoding="utf-8")
    return path
