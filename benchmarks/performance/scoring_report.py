"""The measured libraries as a table: on screen, as CSV, as a document."""

from pathlib import Path

import pandas as pd

from benchmarks.performance.package_empties import compare_empties
from dataset_converters.atomic import replacing

CPU_TARGET, MEMORY_TARGET, MEAN_TOLERANCE_MM = 6.0, 5.0, 1e-12
OURS, COMPARED = "CTShift", "surface-distance"
COST = {
    "route": "library", "version": "version", "cpu_s": "CPU s", "cpu_ratio": "times less", "extra_mb": "extra peak MB",
    "memory_ratio": "times less memory", "note": "note",
}  # fmt: skip
VALUES = {
    "route": "library", "HD95": "HD95 mm", "forth": "mean ref→pred mm", "back": "mean pred→ref mm", "NSD": "NSD 1 mm",
    "surface": "distances between", "hd95": "HD95 over",
}  # fmt: skip
DECIMALS = {"cpu_s": 2, "cpu_ratio": 1, "extra_mb": 0, "memory_ratio": 1, "HD95": 5, "forth": 5, "back": 5, "NSD": 5}
NUMBERS = ("cpu_s", "extra_mb", "HD95", "forth", "back", "NSD")
WIDTH = 130
METHOD = (
    "Each library runs in a process of its own on one thread. CPU seconds are the fastest run's; extra peak memory is "
    "what the first run adds to a process with both masks loaded. `times less` is against surface-distance."
)
EMPTIES = (
    "surface-distance 0.1 uses names that NumPy 2 took away: the last column is what happens then, the one before it "
    "what it gives with them put back. Its mean distance is a pair, reference to prediction and back."
)


def reached(table: pd.DataFrame) -> bool:
    """Return whether ours equals surface-distance and is as much faster and smaller as it has to be.

    True if one of the two was not measured.
    """
    return all(holds for _, holds in _claims(table))


def print_report(table: pd.DataFrame) -> None:
    """Print cost, values, what they show, and what each kind of empty mask gives."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=max(Console().width, WIDTH))
    for title, frame in (
        (_title(table), _formatted(table, COST)),
        ("Values", _formatted(table, VALUES)),
        ("Empty masks", compare_empties()),
    ):
        printed = Table(*map(str, frame.columns), title=title, title_justify="left")
        for row in frame.itertuples(index=False):
            printed.add_row(*map(str, row))
        console.print(printed, "")
    for claim, holds in _claims(table):
        console.print(f"{'yes' if holds else 'NO '}  {claim}", highlight=False)


def write_report(table: pd.DataFrame, path: Path, *, versions: dict[str, str], scale: float) -> None:
    """Write the numbers in full (.csv) or the document (.md)."""
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            table.to_csv(temporary, index=False, lineterminator="\n")
        else:
            temporary.write_text(_document(table, versions=versions, scale=scale), encoding="utf-8")


def _document(table: pd.DataFrame, *, versions: dict[str, str], scale: float) -> str:
    command = "python -m benchmarks.performance scoring" + (f" --scale {scale:g}" if scale != 1 else "")
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# Surface distances: time, memory, values", "",
        f"{_title(table)}. Measured with `{command} --out FILE.md`: {used}. {METHOD}", "",
        *_markdown(_formatted(table, COST)), "",
        *_markdown(_formatted(table, VALUES)), "",
        *(f"- {'yes' if holds else 'NO'}: {claim}" for claim, holds in _claims(table)), "",
        "One synthetic pair shows that definitions differ, not by how much they do in general.", "",
        "## Empty masks", "", EMPTIES, "",
        *_markdown(compare_empties()), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _title(table: pd.DataFrame) -> str:
    return f"Rough lungs and their segmentation, {table.attrs['size']} voxels, DSC {table.attrs['dsc']:.4f}"


def _formatted(table: pd.DataFrame, headings: dict[str, str]) -> pd.DataFrame:
    """Return the named columns as text; a note that nothing needs is left out."""
    frame = table.reindex(columns=list(dict.fromkeys((*table.columns, *NUMBERS))))
    compared = frame[frame["route"].eq(COMPARED)]
    for name, column in (("cpu_ratio", "cpu_s"), ("memory_ratio", "extra_mb")):
        base = float(compared[column].iloc[0]) if len(compared) else float("nan")
        frame[name] = base / pd.to_numeric(frame[column])
    for name, places in DECIMALS.items():
        frame[name] = ["-" if pd.isna(value) else f"{value:.{places}f}" for value in frame[name]]
    shown = [name for name in headings if name != "note" or frame["note"].ne("").any()]
    return frame[shown].rename(columns=headings)


def _markdown(frame: pd.DataFrame) -> list[str]:
    rows = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return [f"| {' | '.join(map(str, row))} |" for row in rows]


def _claims(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Return what has to hold, in words with the measured numbers, and whether it does."""
    rows = table.dropna(subset=["cpu_s"]).set_index("route") if "cpu_s" in table else table.head(0)
    if OURS not in rows.index or COMPARED not in rows.index:
        return []
    ours, theirs = (rows[list(NUMBERS)].astype(float).to_dict("index")[name] for name in (OURS, COMPARED))
    cpu, memory = theirs["cpu_s"] / ours["cpu_s"], theirs["extra_mb"] / ours["extra_mb"]
    means = max(abs(ours[name] - theirs[name]) for name in ("forth", "back"))
    equal = ours["HD95"] == theirs["HD95"] and ours["NSD"] == theirs["NSD"]
    return [
        (f"{cpu:.1f} times less CPU time than {COMPARED} (wanted: {CPU_TARGET:g})", cpu >= CPU_TARGET),
        (f"{memory:.1f} times less peak memory than {COMPARED} (wanted: {MEMORY_TARGET:g})", memory >= MEMORY_TARGET),
        (f"HD95 and NSD equal to the last bit (HD95 {ours['HD95']!r} and {theirs['HD95']!r} mm)", equal),
        (f"mean distances differ by {means:.1e} mm (allowed: {MEAN_TOLERANCE_MM:g})", means <= MEAN_TOLERANCE_MM),
    ]
