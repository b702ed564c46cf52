"""``python -m benchmarks run``: start the workflow engine, show its progress, end with its first table."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.display import Display
from benchmarks.head import Head, Slots
from benchmarks.progress import failure_lines, read_progress
from benchmarks.run_folder import lock_run, open_run
from benchmarks.run_sources import recorded_settings
from benchmarks.scoring_check import scoring_fault
from benchmarks.study_file import load_study
from benchmarks.study_names import StudyError
from benchmarks.workflow.cluster import Cluster
from benchmarks.workflow.code_used import made_by_other_code
from benchmarks.workflow.freshness import judge, settle_times
from benchmarks.workflow.gpu_lease import visible_gpus
from benchmarks.workflow.jobs import Job
from benchmarks.workflow.renew import renew
from dataset_converters.atomic import write_bytes

SNAKEFILE = Path(__file__).parent / "workflow" / "Snakefile"
FIRST = ("convert", "check", "assemble", "templates", "warp", "prepare")
"""Jobs that decide what the others read."""
PROBE_BYTES = 2**20


CANCEL_S = 90.0
"""How long the cluster may take to cancel the jobs of a run that is stopped; SLURM's scancel has 60 s."""


@dataclass(frozen=True)
class _Engine:
    """How the workflow engine is started: jobs at a time, the words for it, its options, the signal that ends it."""

    slots: Slots
    where: str
    options: list[str]
    interrupt: signal.Signals


def run_study(
    study_file: Path,
    run: Path,
    *,
    data: Path | None,
    device: str,
    cores: int,
    cluster: Cluster | None = None,
    set_resources: Sequence[str] = (),
    renewed: tuple[str, ...] = (),
) -> int:
    """Bring a run up to date with its study; return 0 when every job is done, 1 when one failed.

    Jobs whose record agrees with the files that are there are not run again, except those ``renewed``. Without a
    cluster jobs run here. ``set_resources`` are ``kind:resource=value``, as Snakemake takes them.

    Raises
    ------
    StudyError
        If the study, the data folder or the run folder is not as wanted.
    """
    console = Console(soft_wrap=True)
    engine = _engine(study_file, device, cores, cluster, set_resources)
    existed = run.exists()
    try:
        with lock_run(run):
            sources, jobs = open_run(study_file, run, data=data, device=device)
            for line in sources.notes:
                console.print(line, highlight=False)
            for line in renew(run, jobs, renewed):
                console.print(line, highlight=False)
            if not any(verdict.stale for verdict in judge(run, jobs)):
                console.print(f"{run} is up to date: nothing to do")
            elif _bring_up_to_date(study_file, run, jobs, engine, console):
                return _report_failure(run, jobs, console)
            if line := made_by_other_code(run, jobs):
                console.print(line, highlight=False)
    except BaseException:
        if not existed and run.exists() and not (run / "study.toml").exists():
            shutil.rmtree(run)
        raise
    _report_results(run, console)
    return 0


def _engine(
    study_file: Path, device: str, cores: int, cluster: Cluster | None, set_resources: Sequence[str]
) -> _Engine:
    resources = ["--set-resources", *set_resources] if set_resources else []
    if cluster:
        where = f"{cluster.folder.name}, {cluster.jobs} jobs"
        return _Engine(Slots(cluster.jobs), where, [*cluster.options(), *resources], signal.SIGINT)
    gpus = max(1, len(visible_gpus())) if device == "cuda" else 1
    options = ["--cores", str(cores), "--resources", f"gpu={gpus}", "--latency-wait", "10", *resources]
    budget = load_study(study_file).budgets.get(device)
    on_gpus = max(1, gpus // budget.gpus) if budget and device == "cuda" else 0
    return _Engine(Slots(cores, on_gpus), f"{device}, {cores} cores", options, signal.SIGTERM)


def _bring_up_to_date(study_file: Path, run: Path, jobs: tuple[Job, ...], engine: _Engine, console: Console) -> int:
    """Give the stale jobs to the engine; return its exit code.

    Where finished jobs may stay, those that decide it go first. Otherwise every finished training would be queued
    again, on a cluster for a GPU, to hear that nothing changed.
    """
    _refuse_unknown_metrics(study_file)
    for first_only in (True, False):
        stale = [verdict for verdict in judge(run, jobs) if verdict.stale]
        chosen = [verdict for verdict in stale if not first_only or verdict.job.kind in FIRST]
        if not chosen or (first_only and all(verdict.reason for verdict in stale if verdict not in chosen)):
            continue
        for verdict in chosen:
            (run / "done" / f"{verdict.job.name}.json").unlink(missing_ok=True)
        settle_times(run)
        console.print(f"{len(chosen)} of {len(jobs)} jobs to do in {run} on {engine.where} at a time")
        targets = [f"done/{verdict.job.name}.json" for verdict in chosen] if first_only else []
        command = _engine_command(engine.options, targets)
        with Head(run, engine.slots) as head, Display(run, jobs, slots=engine.slots, console=console) as display:
            code = _execute(run, command, display, head, interrupt=engine.interrupt)
        if code:
            return code
    return 0


def _refuse_unknown_metrics(study_file: Path) -> None:
    """Stop before hours of training whose predictions could then not be scored."""
    fault = scoring_fault(study_file)
    if fault:
        raise StudyError(f"{study_file}: {fault}")


def _engine_command(options: list[str], targets: Sequence[str] = ()) -> list[str]:
    # targets come before all options: some take lists
    command = [sys.executable, "-m", "benchmarks.workflow.engine", *targets, "--snakefile", str(SNAKEFILE)]
    command += ["--directory", ".", "--configfile", "workflow.json", "--keep-going", "--rerun-incomplete"]
    # mtime only: the command line of a job may change with an upgrade, its record decides what that means;
    # no engine lock: ours ends with the process, the engine's would survive a kill;
    # no workflow profile: Snakemake would read one that happens to lie in the folder
    command += ["--rerun-triggers", "mtime", "--nolock", "--scheduler", "greedy", "--workflow-profile", "none"]
    return command + options


def _execute(run: Path, command: list[str], display: Display, head: Head, *, interrupt: signal.Signals) -> int:
    log = run / "logs" / "snakemake.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    environment.pop("SNAKEMAKE_PROFILE", None)  # the profile is --profile, or none
    with log.open("ab") as stream:
        # a session of its own: Ctrl-C reaches this process alone, which then ends the engine in order
        process = subprocess.Popen(
            command,
            cwd=run,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            start_new_session=True,
        )
        try:
            while True:
                head.beat()
                display.update()
                try:
                    return process.wait(timeout=1.0)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            _stop(process, interrupt)
            raise


def _stop(process: subprocess.Popen[bytes], interrupt: signal.Signals) -> None:
    """End the engine: local jobs end with it and go on from their checkpoints, a cluster's jobs are cancelled."""
    os.killpg(process.pid, interrupt)
    try:
        process.wait(timeout=CANCEL_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _report_failure(run: Path, jobs: tuple[Job, ...], console: Console) -> int:
    if fault := _unwritable(run):
        console.print(f"{run}: {fault}; mend it and run the same command again: what is done stays done", style="bold")
        return 1
    failed = [entry.job for entry in read_progress(run, jobs) if entry.state == "failed"]
    for job in failed:
        console.print(f"[bold red]{job.name} failed[/] (whole log: {run / 'logs' / job.name}.log):")
        console.print(failure_lines(run, job), markup=False, highlight=False)
    if not failed:
        console.print(f"the workflow engine stopped; the end of {run / 'logs' / 'snakemake.log'}:")
        lines = (run / "logs" / "snakemake.log").read_text(encoding="utf-8", errors="replace").splitlines()
        console.print("\n".join(lines[-20:]), markup=False, highlight=False)
    if any(job.kind == "convert" for job in failed) and not recorded_settings(run).get("data"):
        console.print("no --data was given: give the folder that holds the source data")
    console.print("mend the cause and run the same command again: what is done stays done")
    return 1


def _unwritable(run: Path) -> str:
    """Say why nothing can be written to a run folder any more; empty if a megabyte can."""
    try:
        write_bytes(run / ".probe", bytes(PROBE_BYTES))
        (run / ".probe").unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _report_results(run: Path, console: Console) -> None:
    table = _first_table(run / "tables")
    console.print()
    if table is not None:
        print(table.read_text(encoding="utf-8"), flush=True)
    console.print(f"All tables:  {run / 'tables'}", highlight=False, soft_wrap=True)
    console.print(f"All figures: {run / 'figures'}", highlight=False, soft_wrap=True)
    console.print(f"All scores:  {run / 'scores.csv'}", highlight=False, soft_wrap=True)


def _first_table(folder: Path) -> Path | None:
    """Return the table shown at the end: of reconstruction kernels if the study has them, else the first one made."""
    kernels = folder / "kernel_table1.md"
    others = [path for path in sorted(folder.glob("*.md")) if path.name != "index.md"]
    return kernels if kernels.is_file() else next(iter(others), None)
