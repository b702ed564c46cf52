"""The doctor's words: problems first, then what the study will cost; or all of it as JSON."""

import dataclasses
import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.display import minutes
from benchmarks.doctor.diagnosis import Diagnosis
from benchmarks.doctor.estimate import Estimate

STYLES = {"problem": "bold red", "warning": "yellow"}


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print findings, then the estimate, then one line that says whether to start."""
    if diagnosis.findings:
        console.print(_findings_table(diagnosis), "")
    if diagnosis.estimate is not None:
        console.print(_cost_table(diagnosis.estimate), "")
        for line in estimate_lines(diagnosis.estimate):
            console.print(line, highlight=False)
        console.print()
    problems = sum(finding.severity == "problem" for finding in diagnosis.findings)
    warnings = len(diagnosis.findings) - problems
    verdict = f"{problems} problems found" if problems else "study, data and environment are ready"
    console.print(verdict + (f", {warnings} warnings" if warnings else ""), style="bold red" if problems else "green")


def as_json(diagnosis: Diagnosis) -> str:
    """Return findings and estimate as JSON, for scripts; sizes in bytes."""
    findings = [dataclasses.asdict(finding) | {"message": str(finding)} for finding in diagnosis.findings]
    estimate = None
    if diagnosis.estimate is not None:
        entry = diagnosis.estimate
        estimate = {
            "kinds": [dataclasses.asdict(kind) for kind in entry.kinds],
            "cpu_hours": sum(kind.cpu_hours for kind in entry.kinds),
            "gpu_hours": sum(kind.gpu_hours for kind in entry.kinds),
            "wall_hours": entry.wall_hours,
            "slots": entry.slots,
            "within_factor": entry.factor,
            "disk_bytes": dict(entry.disk),
            "files": entry.files,
        }
    return json.dumps({"ready": not diagnosis.has_problems, "findings": findings, "estimate": estimate}, indent=1)


def estimate_lines(estimate: Estimate) -> list[str]:
    """Return wall time, disk and how sure they are as lines."""
    disk = ", ".join(f"{name} {size_of(size)}" for name, size in estimate.disk.items() if size >= 1e6)
    return [
        f"Wall time left: about {minutes(3600 * estimate.wall_hours)} with {estimate.slots}; "
        f"{minutes(3600 * estimate.wall_hours / estimate.factor)} to "
        f"{minutes(3600 * estimate.wall_hours * estimate.factor)} is likely.",
        f"Disk: {size_of(estimate.disk_bytes)} in about {estimate.files} files ({disk}).",
        *(f"{kind}: {source}" for kind, source in _sources(estimate).items()),
    ]


def size_of(size: float) -> str:
    """Write a number of bytes as people say it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _findings_table(diagnosis: Diagnosis) -> Table:
    """Build a list, not a column for each part: sentences would be squeezed into slips in a narrow terminal."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in diagnosis.findings:
        table.add_row(Text(finding.severity, style=STYLES[finding.severity]), Text(str(finding)))
    return table


def _cost_table(estimate: Estimate) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind")
    for column in ("jobs", "CPU hours", "GPU hours", "within a factor of"):
        table.add_column(column, justify="right")
    for kind in estimate.kinds:
        table.add_row(kind.kind, str(kind.jobs), _hours(kind.cpu_hours), _hours(kind.gpu_hours), f"{kind.factor:g}")
    jobs, cpu = sum(kind.jobs for kind in estimate.kinds), sum(kind.cpu_hours for kind in estimate.kinds)
    gpu_hours = sum(kind.gpu_hours for kind in estimate.kinds)
    table.add_row("all", str(jobs), _hours(cpu), _hours(gpu_hours), f"{estimate.factor:g}", style="bold")
    return table


def _hours(hours: float) -> str:
    if not hours:
        return ""
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2f}" if hours >= 0.01 else "<0.01"


def _sources(estimate: Estimate) -> dict[str, str]:
    """Group the kinds by where their figures come from."""
    grouped: dict[str, list[str]] = {}
    for kind in estimate.kinds:
        grouped.setdefault(kind.source, []).append(kind.kind)
    return {", ".join(kinds): source for source, kinds in grouped.items()}
