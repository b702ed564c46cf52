"""``python -m benchmarks run``: start the workflow engine, show its progress, end with its first table."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.display import Display
from benchmarks.progress import failure_lines, read_progress
from benchmarks.run_folder import lock_run, open_run, recorded_settings
from benchmarks.scoring_check import scoring_fault
from benchmarks.study_names import StudyError
from benchmarks.workflow.freshness import stale_jobs
from benchmarks.workflow.jobs import Job

SNAKEFILE = Path(__file__).parent / "workflow" / "Snakefile"


def run_study(study_file: Path, run: Path, *, data: Path | None, device: str, cores: int) -> int:
    """Bring a run up to date with its study; return 0 when every job is done, 1 when one failed.

    Jobs whose record agrees with the files that are there are not run again.

    Raises
    ------
    StudyError
        If the study, the data folder or the run folder is not as wanted.
    """
    console = Console(soft_wrap=True)
    existed = run.exists()
    try:
        with lock_run(run):
            _, jobs = open_run(study_file, run, data=data, device=device)
            stale = stale_jobs(run, jobs)
            if stale:
                _refuse_unknown_metrics(study_file)
            for job in stale:
                (run / "done" / f"{job.name}.json").unlink(missing_ok=True)
            if stale:
                console.print(f"{len(stale)} of {len(jobs)} jobs to do in {run} on {device}, {cores} cores")
                code = _execute(run, jobs, cores=cores, device=device, console=console)
                if code:
                    return _report_failure(run, jobs, console)
            else:
                console.print(f"{run} is up to date: nothing to do")
    except BaseException:
        if not existed and run.exists() and not (run / "study.toml").exists():
            shutil.rmtree(run)
        raise
    _report_results(run, console)
    return 0


def _refuse_unknown_metrics(study_file: Path) -> None:
    """Stop before hours of training whose predictions could then not be scored."""
    fault = scoring_fault(study_file)
    if fault:
        raise StudyError(f"{study_file}: {fault}")


def _execute(run: Path, jobs: tuple[Job, ...], *, cores: int, device: str, console: Console) -> int:
    log = run / "logs" / "snakemake.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.workflow.engine", "--snakefile", str(SNAKEFILE)]
    command += ["--directory", ".", "--configfile", "workflow.json", "--cores", str(cores)]
    command += ["--resources", f"gpu={_gpus() if device == 'cuda' else 1}", "--keep-going", "--rerun-incomplete"]
    # mtime only: the command line of a job may change with an upgrade, its record decides what that means;
    # no engine lock: ours ends with the process, the engine's would survive a kill
    command += ["--rerun-triggers", "mtime", "--nolock", "--scheduler", "greedy", "--latency-wait", "10"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    with log.open("ab") as stream, Display(run, jobs, cores=cores, console=console) as display:
        process = subprocess.Popen(
            command, cwd=run, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment
        )
        try:
            while True:
                display.update()
                try:
                    return process.wait(timeout=1.0)
                except subprocess.TimeoutExpired:
                    continue
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def _gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return max(1, len([entry for entry in visible.split(",") if entry])) if visible else 1


def _report_failure(run: Path, jobs: tuple[Job, ...], console: Console) -> int:
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
