"""The report of the prediction measurement: CPU seconds per trainer and way, agreement, and what had to hold."""

from pathlib import Path

import pandas as pd

from dataset_converters.atomic import write_text
from dataset_converters.writing.provenance import version_of

TARGET_RATIO, TARGET_EQUAL = 1.2, 0.99999
PACKAGES = ("ctshift", "nnunetv2", "torch", "scipy", "scikit-image", "nibabel")


def print_report(times: pd.DataFrame, agreement: pd.DataFrame) -> None:
    """Print the report."""
    print(report(times, agreement))


def write_report(times: pd.DataFrame, agreement: pd.DataFrame, path: Path) -> None:
    """Write the report as a Markdown page."""
    versions = ", ".join(f"{name} {version_of(name)}" for name in PACKAGES)
    write_text(
        path, f"# Prediction: CPU time, equal voxels\n\n{PREFACE}\n\n{versions}.\n\n{report(times, agreement)}\n"
    )


PREFACE = (
    "Measured with `python -m benchmarks.performance predict`: drawn chests of 64 x 512 x 512 voxels (0.7 x 0.7 x 2.5 "
    "mm), 2D models at 1.4 mm trained in the real pipeline. Tuned: `--disable_tta -npp 0 -nps 0`. Every way runs on "
    "one thread; CPU seconds are user and system time of whole processes, imports included. Defaults: mirroring where "
    "the trainer allows it, three workers before and after the network."
)


def ratios(times: pd.DataFrame) -> dict[str, list[float]]:
    """Return tuned nnU-Net's CPU seconds over ours, for each trainer and repeat."""
    table = times[times["way"] != "nnUNetv2_predict, defaults"].pivot_table(
        index=["trainer", "repeat"], columns="way", values="cpu_s", sort=False
    )
    ratio = table["nnUNetv2_predict, tuned"] / table["CTShift"]
    return {str(trainer): values.tolist() for trainer, values in ratio.groupby(level="trainer", sort=False)}


def reached(times: pd.DataFrame, agreement: pd.DataFrame) -> bool:
    """Say whether every claim holds."""
    return all(holds for _, holds in claims(times, agreement))


def claims(times: pd.DataFrame, agreement: pd.DataFrame) -> list[tuple[str, bool]]:
    """Return what had to hold, in words with the measured numbers, and whether it does."""
    found = []
    for trainer, values in ratios(times).items():
        middle = float(pd.Series(values).median())
        spread = f"{min(values):.2f} to {max(values):.2f} in {len(values)} turns"
        text = f"{trainer}: {middle:.2f} times less CPU than tuned nnUNetv2_predict ({spread}; wanted: {TARGET_RATIO})"
        found.append((text, middle >= TARGET_RATIO))
    for name, rows in agreement.groupby("trainer", sort=False):
        share = 1 - rows["differing"] / rows["voxels"]
        total = 1 - rows["differing"].sum() / rows["voxels"].sum()
        counts = f"{rows['differing'].sum()} of {rows['voxels'].sum()} voxels differ"
        equal = f"{name}: {100 * total:.6f} % of voxels equal, worst volume {100 * share.min():.6f} % ({counts})"
        found.append((equal, bool(share.min() >= TARGET_EQUAL)))
    return found


def report(times: pd.DataFrame, agreement: pd.DataFrame) -> str:
    """Return both tables and the claims as Markdown."""
    lines = ["| trainer | way | volumes | CPU s (median) | CPU s per volume |", "| --- | --- | --- | --- | --- |"]
    for (trainer, way), rows in times.groupby(["trainer", "way"], sort=False):
        middle, count = rows["cpu_s"].median(), rows["volumes"].iloc[0]
        lines.append(f"| {trainer} | {way} | {count} | {middle:.1f} | {middle / count:.2f} |")
    lines += [
        "",
        "| trainer | volume | voxels | differing | least DSC, ours with nnU-Net's | nnU-Net's with the drawn |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in agreement.to_dict("records"):
        scores = f"{row['dsc_between']:.7f} | {row['dsc_reference']:.3f}"
        lines.append(f"| {row['trainer']} | {row['volume']} | {row['voxels']} | {row['differing']} | {scores} |")
    held = [f"- {'yes' if holds else 'NO'}: {text}" for text, holds in claims(times, agreement)]
    return "\n".join([*lines, "", *held])
