"""The comparison with dcm2niix as text and as Markdown."""

import importlib.metadata
import os
import platform
from pathlib import Path

import pandas as pd

WANTED_RATIO = 1.5
"""Our CPU seconds may be so many times those of dcm2niix."""
GRID_TOLERANCE_MM = 0.02
"""Slices are placed by their common distance, and NIfTI stores float32."""


def print_report(table: pd.DataFrame) -> None:
    """Print one line per series and the sums."""
    print(_series_table(table))
    print()
    print("\n".join(_findings(table)))


def write_report(table: pd.DataFrame, path: Path, *, peer_version: str, repeats: int, level: int) -> None:
    """Write device, versions, command, figures and findings as Markdown."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pydicom", "SimpleITK", "nibabel")
    )
    lines = [
        "# DICOM to NIfTI: CPU time against dcm2niix",
        "",
        f"{len(table)} CT series. Measured with `python -m benchmarks.performance convert --data DIR... "
        f"--repeats {repeats} --out FILE.md` on {os.cpu_count()} shared {platform.machine()} cores: "
        f"Python {platform.python_version()}, {versions}; dcm2niix {peer_version}, called as "
        f"`dcm2niix -z y -{level} -b n`. CPU seconds are user and system time of all processes, the fastest of "
        f"{repeats} runs. dcm2niix starts once per series; ours reads all series in one process, whose start is "
        "counted once and shown apart. Both compress at one level. Masks and checks are timed apart: dcm2niix makes "
        "neither. Without `--data` the series are the Philips pair and the 28 soft-tissue sarcoma patients, in this "
        "order.",
        "",
        _series_table(table),
        "",
        *_findings(table),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def reached(table: pd.DataFrame) -> bool:
    """Tell whether ours, start included, takes at most `WANTED_RATIO` times as long, and every file is equal."""
    return float(_ratio(table)) <= WANTED_RATIO and _equal(table)


def _ratio(table: pd.DataFrame) -> float:
    return float(table.attrs["all_s"] / table["dcm2niix_s"].sum())


def _equal(table: pd.DataFrame) -> bool:
    return bool((table["voxels_differing"] == 0).all() and (table["grid_mm"] <= GRID_TOLERANCE_MM).all())


def _series_table(table: pd.DataFrame) -> str:
    head = ["series", "size", "dcm2niix CPU s", "ours CPU s", "times", "read", "write", "MB dcm2niix", "MB ours",
            "voxels differing", "grid differs mm", "masks s", "checks s"]  # fmt: skip
    rows = [
        [
            str(number),
            row["size"],
            f"{row['dcm2niix_s']:.3f}",
            f"{row['ours_s']:.3f}",
            f"{row['ours_s'] / row['dcm2niix_s']:.2f}",
            f"{row['read_s']:.3f}",
            f"{row['write_s']:.3f}",
            f"{row['dcm2niix_mb']:.2f}",
            f"{row['ours_mb']:.2f}",
            str(row["voxels_differing"]),
            f"{row['grid_mm']:.1g}",
            f"{row['masks_s']:.3f}",
            f"{row['checks_s']:.3f}",
        ]
        for number, row in enumerate(table.to_dict("records"), start=1)
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _findings(table: pd.DataFrame) -> list[str]:
    peer_s, ours_s = float(table["dcm2niix_s"].sum()), float(table["ours_s"].sum())
    start_s, all_s = table.attrs["start_s"], table.attrs["all_s"]
    differing = int((table["voxels_differing"] != 0).sum())
    return [
        f"- dcm2niix: {peer_s:.2f} CPU s, {peer_s / len(table):.3f} s a series",
        f"- ours without start: {ours_s:.2f} CPU s, {ours_s / peer_s:.2f} times (read {table['read_s'].sum():.2f}, "
        f"write {table['write_s'].sum():.2f}); start: {start_s:.2f} CPU s",
        f"- {_word(_ratio(table) <= WANTED_RATIO)}: ours as a whole process, start included: {all_s:.2f} CPU s, "
        f"{_ratio(table):.2f} times (wanted: at most {WANTED_RATIO:g})",
        f"- {_word(_equal(table))}: equal voxels in {len(table) - differing} of {len(table)} series, grids at most "
        f"{table['grid_mm'].max():.1g} mm apart (allowed: {GRID_TOLERANCE_MM:g})",
        f"- apart from that, masks: {table['masks_s'].sum():.2f} CPU s, checks: {table['checks_s'].sum():.2f} CPU s",
    ]


def _word(good: bool) -> str:
    return "yes" if good else "no"
