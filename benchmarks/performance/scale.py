"""The plan past one machine: measure what one head, one shared file system and one table of scores can bear.

``python -m benchmarks.performance scale --run RUN``: the job graph of 10 000 trainings is really built and looked at by
Snakemake, scores are really written and tabulated; the cluster is simulated, and what was not run is said to be so.
"""

import argparse
import platform
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.performance.scale_graph import GraphCost, count_file_calls, measure_graph, simulate_cluster
from benchmarks.performance.scale_scores import ScoresCost, measure_scores
from benchmarks.workflow.contents import read_record
from benchmarks.workflow.jobs import read_jobs

TRAIN_HOURS = (0.5, 2.0, 8.0)
SUBMIT_S = (0.02, 0.1, 0.5)
PREDICT_S = 120.0
START_S = 10.0
ROWS_AT_SCALE = 10**8


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance scale", description=__doc__)
    parser.add_argument("--run", type=Path, help="a finished run whose jobs and scores are measured")
    parser.add_argument("--trainings", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=1_000)
    parser.add_argument("--graphs", type=int, nargs="*", default=[500, 5_000, 10_000], help="trainings of each dry run")
    parser.add_argument("--rows", type=int, nargs="*", default=[10**5, 10**6], help="rows of each table of scores")
    parser.add_argument("--out", type=Path, help="Markdown file to write (default: print)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        text = "\n".join(_report(options, Path(name)))
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def _report(options: argparse.Namespace, folder: Path) -> list[str]:
    lines = [f"Python {platform.python_version()}, {platform.machine()}.", ""]
    if options.run:
        lines += ["## What one job costs", "", *job_table(options.run), ""]
    graphs = [measure_graph(count, folder / f"graph{count}") for count in options.graphs]
    lines += ["## The job graph", "", *graph_table(graphs), ""]
    lines += [f"## {options.trainings} trainings on {options.gpus} GPUs, simulated", ""]
    lines += [*schedule_table(options.trainings, options.gpus), ""]
    calls = count_file_calls(folder / "calls")
    lines += ["## Calls on the shared file system of one job's wrapper", "", *calls_table(calls), ""]
    if options.run:
        costs = [measure_scores(options.run, rows, folder / f"scores{rows}") for rows in options.rows]
        lines += ["## The table of scores", "", *scores_table(costs)]
    return lines


def job_table(run: Path) -> list[str]:
    """Return the finished jobs of a run by kind: wall and CPU seconds, peak memory, output bytes."""
    rows = ["| kind | jobs | wall s | CPU s | peak MB | output MB |", "| --- | --- | --- | --- | --- | --- |"]
    kinds: dict[str, list[dict[str, float]]] = {}
    for job in read_jobs(run):
        record = read_record(run / "done" / f"{job.name}.json")
        if record:
            record["output_mb"] = sum(record["outputs"].values()) / 1e6
            kinds.setdefault(job.kind, []).append(record)
    for kind, records in kinds.items():
        names = ("seconds", "cpu_seconds", "peak_memory_mb", "output_mb")
        means = [sum(record[name] for record in records) / len(records) for name in names]
        rows.append(f"| {kind} | {len(records)} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    return rows


def graph_table(costs: list[GraphCost]) -> list[str]:
    """Return what Snakemake took to look at graphs of several sizes."""
    rows = [
        "| jobs | workflow.json MB | whole: wall s | CPU s | peak MB | one target: wall s | CPU s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cost in costs:
        cells = [f"{cost.workflow_bytes / 1e6:.1f}"]
        for usage in (cost.whole, cost.one):
            cells += [f"{usage.wall_s:.1f}", f"{usage.cpu_s:.1f}", f"{usage.peak_mb:.0f}"]
            cells[-1] += "" if usage.code == 0 else f" (exit code {usage.code})"
        rows.append(f"| {cost.jobs} | " + " | ".join(cells) + " |")
    return rows


def schedule_table(trainings: int, gpus: int) -> list[str]:
    """Return simulated wall hours and how busy the GPUs were, by training length and speed of the one head."""
    rows = [
        "| hours a training | head: s a job | wall hours | GPUs busy | most at a time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for hours in TRAIN_HOURS:
        for submit_s in SUBMIT_S:
            plan = simulate_cluster(
                trainings, gpus=gpus, train_s=3600 * hours, predict_s=PREDICT_S, submit_s=submit_s, start_s=START_S
            )
            busy = plan.gpu_seconds / (gpus * plan.wall_s)
            cells = f"{hours:g} | {submit_s:g} | {plan.wall_s / 3600:.1f} | {busy:.0%} | {plan.most_running}"
            rows.append(f"| {cells} |")
    return rows


def calls_table(calls: Counter[str] | None) -> list[str]:
    """Return the system calls on the run folder, most frequent first."""
    if calls is None:
        return ["Not counted: strace is not installed."]
    listed = ", ".join(f"{name} {count}" for name, count in calls.most_common())
    return [f"{sum(calls.values())} calls: {listed}."]


def scores_table(costs: list[ScoresCost]) -> list[str]:
    """Return what rows cost, and what as many as at scale would, in proportion to the largest table measured."""
    rows = [
        "| rows | CSV s | MB | parquet s | MB | read s | in memory MB | make_tables: wall s | CPU s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cost in costs:
        cells = [cost.csv_s, cost.csv_bytes / 1e6, cost.parquet_s, cost.parquet_bytes / 1e6, cost.read_s]
        cells += [cost.frame_bytes / 1e6, cost.tables.wall_s, cost.tables.cpu_s, cost.tables.peak_mb]
        failed = "" if cost.tables.code == 0 else f" (exit code {cost.tables.code})"
        rows.append(f"| {cost.rows} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f"{failed} |")
        times = ROWS_AT_SCALE / cost.rows
    if costs:
        scaled = " | ".join(f"{cell * times:.0f}" for cell in cells)
        rows.append(f"| {ROWS_AT_SCALE} (extrapolated) | {scaled} |")
    return rows
