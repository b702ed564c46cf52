"""Run, watch and check studies: ``python -m benchmarks run|status|check``."""

import argparse
import os
import signal
import sys
from pathlib import Path

from benchmarks.study_file import StudyError

CLUSTER_JOBS = 100
STATUS_CODES = (
    "exit code: 0 every job is done, 1 a job failed, 2 wrong use, 3 not finished (running, waiting or stopped)"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 on success, 1 on a failed job or check, 2 on wrong use."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.function(options)
        sys.stdout.flush()
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # head closed what we write to; the interpreter would say so once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:  # a full disk, a folder without permission: the system's words name the file
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a study, or go on with it")
    run.add_argument("study", type=Path, help="study file (.toml)")
    run.add_argument("--data", type=Path, help="folder with the source data")
    run.add_argument("--out", type=Path, help="run folder (default: runs/<study>)")
    run.add_argument("--cores", type=_positive, default=os.cpu_count() or 1, help="jobs at a time (default: all cores)")
    run.add_argument("--device", choices=("cpu", "cuda"), help="where to train (default: as before, else cpu)")
    run.add_argument("--profile", help="run on a cluster: slurm, or the folder of your own Snakemake profile")
    run.add_argument("--jobs", type=_positive, help="cluster jobs at a time (default: the profile's)")
    run.add_argument(
        "--set-resources",
        nargs="+",
        default=[],
        metavar="KIND:NAME=VALUE",
        help="ask the cluster for other than the usual, for example train:runtime=2880",
    )
    run.add_argument("--dry-run", action="store_true", help="say what would run and why, and touch nothing")
    run.add_argument(
        "--renew", nargs="+", metavar="JOB", default=[], help="make finished jobs again: kinds (tables) or names"
    )
    run.set_defaults(function=_run)
    status = commands.add_parser("status", help="show how far a run is", epilog=STATUS_CODES)
    status.add_argument("run", type=Path, help="run folder")
    status.add_argument("--watch", action="store_true", help="show it every few seconds until it ends")
    status.add_argument("--all", action="store_true", help="list every job, also those that are done or wait")
    status.add_argument("--json", action="store_true", help="print JSON: every job, and of a failed one its log's end")
    status.set_defaults(function=_status)
    words = "check study, data, environment, machine and cluster before hours are spent; estimate the hours and disk"
    check = commands.add_parser(
        "check", help=words, description=words, epilog="exit code: 0 ready, 1 a problem, 2 wrong use"
    )
    check.add_argument("study", type=Path, help="study file (.toml)")
    check.add_argument("--data", type=Path, help="folder with the source data")
    check.add_argument("--out", type=Path, help="run folder (default: runs/<study>)")
    check.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to train (default: cpu)")
    check.add_argument("--cores", type=_positive, help="jobs at a time on this machine (default: all cores)")
    check.add_argument("--profile", help="look at a cluster: slurm, or the folder of your own Snakemake profile")
    check.add_argument("--jobs", type=_positive, help=f"cluster jobs at a time (default: {CLUSTER_JOBS})")
    check.add_argument("--json", action="store_true", help="print JSON: findings and estimate")
    check.set_defaults(function=_check)
    return parser


def _run(options: argparse.Namespace) -> int:
    from benchmarks.run_sources import recorded_settings
    from benchmarks.workflow.cluster import open_cluster, refuse_odd_resources, refuse_shell_signs

    if options.jobs and not options.profile:
        raise StudyError("--jobs is for a cluster, with --profile; on this machine --cores says how many at a time")
    refuse_odd_resources(options.set_resources)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: jobs are ended in order
    out = options.out or Path("runs") / options.study.stem
    if options.profile:
        refuse_shell_signs(out)
    device = options.device or recorded_settings(out).get("device", "cpu")
    renewed = tuple(options.renew)
    if options.dry_run:
        from benchmarks.dry_run import dry_run

        print("\n".join(dry_run(options.study, out, data=options.data, device=device, renewed=renewed)))
        return 0
    from benchmarks.run import run_study

    cluster = open_cluster(options.profile, options.jobs) if options.profile else None
    return run_study(
        options.study,
        out,
        data=options.data,
        device=device,
        cores=options.cores,
        cluster=cluster,
        set_resources=options.set_resources,
        renewed=renewed,
    )


def _status(options: argparse.Namespace) -> int:
    from rich.console import Console

    from benchmarks.status import show_status, watch_status

    # a file or a pipe has no width of its own
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.watch:
        return watch_status(options.run, json=options.json, console=console)
    return show_status(options.run, json=options.json, everything=options.all, console=console)


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console

    from benchmarks.doctor.diagnosis import diagnose, executor_of
    from benchmarks.doctor.report import as_json, print_diagnosis

    executor = executor_of(options.profile) if options.profile else ""
    slots = (options.jobs or CLUSTER_JOBS) if executor else options.cores
    out = options.out or Path("runs") / options.study.stem
    diagnosis = diagnose(options.study, out, data=options.data, device=options.device, executor=executor, slots=slots)
    if options.json:
        print(as_json(diagnosis))
    else:
        print_diagnosis(diagnosis, Console(width=None if sys.stdout.isatty() else 160))
    return 1 if diagnosis.has_problems else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, wanted 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
