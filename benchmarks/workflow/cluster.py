"""The workflow on a cluster: which profile, and what its cluster can answer."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import yaml

from benchmarks.study_file import StudyError
from benchmarks.workflow.jobs import Kind

PROFILES = Path(__file__).parent / "profiles"
SHELL_SIGNS = '$`"\\%'
"""Characters that a shell expands on the way to a cluster's job, also in quotes, and SLURM in the name of a log."""
NUMBERS = ("gpu", "mem_mb", "runtime", "cpus_per_task", "tasks", "nodes")
"""Resources that are counted: minutes, MB, processors."""
_NUMBER = re.compile(r"[0-9(]|.*\b(attempt|input|threads)\b", re.ASCII)
"""A number, with a unit or as a product, or an expression over what Snakemake knows."""
_RESOURCE = re.compile(r"([a-z]+):\w+=.+")
CONFIG_NAMES = ("config.v9+.yaml", "config.v8+.yaml", "config.yaml")


@dataclass(frozen=True)
class Cluster:
    """A Snakemake profile, what it says, and how many jobs are sent at a time."""

    folder: Path
    settings: dict[str, Any]
    jobs: int

    def options(self) -> list[str]:
        """Return Snakemake's options for this cluster."""
        options = ["--profile", str(self.folder), "--jobs", str(self.jobs)]
        if self.settings["executor"] == "slurm" and "slurm-status-command" not in self.settings:
            options += ["--slurm-status-command", "sacct" if _accounting_answers() else "squeue"]
        return options


def open_cluster(profile: str, jobs: int | None) -> Cluster:
    """Read a profile: the name of one that comes with the program, or a folder of your own.

    Raises
    ------
    StudyError
        If there is no such profile, it is no mapping, its executor is not installed, or this machine cannot send jobs
        to SLURM.
    """
    config, settings = read_profile(profile)
    executor = settings["executor"]
    if find_spec(f"snakemake_executor_plugin_{str(executor).replace('-', '_')}") is None:
        raise StudyError(
            f"--profile {profile}: its executor is not installed; python -m pip install "
            f"snakemake-executor-plugin-{executor}"
        )
    if executor == "slurm" and not shutil.which("sbatch"):
        raise StudyError(f"--profile {profile}: found no sbatch here; run this on a login node of the cluster")
    return Cluster(config.parent.resolve(), settings, jobs or _profile_jobs(config, settings))


def read_profile(profile: str) -> tuple[Path, dict[str, Any]]:
    """Return the configuration file of a profile and what it says; its ``executor`` is there.

    Raises
    ------
    StudyError
        If there is no such profile, it is no mapping, or names no executor.
    """
    folder = Path(profile) if Path(profile).is_dir() else PROFILES / profile
    config = next((folder / name for name in CONFIG_NAMES if (folder / name).is_file()), None)
    if config is None:
        known = ", ".join(sorted(entry.name for entry in PROFILES.iterdir() if entry.is_dir()))
        raise StudyError(f"--profile {profile}: found no config.yaml there, wanted a folder with one, or: {known}")
    try:
        settings: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise StudyError(f"{config}: not YAML: {error}") from None
    if not isinstance(settings, dict):
        raise StudyError(f"{config}: found {type(settings).__name__}, wanted a mapping, for example executor: slurm")
    if not settings.get("executor"):
        raise StudyError(f"{config}: names no executor; wanted for example executor: slurm")
    return config, settings


def refuse_shell_signs(run: Path) -> None:
    """Raise ``StudyError`` if a shell on the way to a cluster's job would read a run folder's name otherwise."""
    if found := [sign for sign in SHELL_SIGNS if sign in str(run.resolve())]:
        raise StudyError(f"--out {run}: found {found[0]} in its path, which a cluster expands; rename it")


def refuse_odd_resources(set_resources: Sequence[str]) -> None:
    """Raise ``StudyError`` unless each is ``KIND:NAME=VALUE`` of a kind of job that there is."""
    kinds = get_args(Kind)
    for text in set_resources:
        if not (match := _RESOURCE.fullmatch(text)) or match[1] not in kinds:
            raise StudyError(
                f"--set-resources {text}: wanted KIND:NAME=VALUE, for example train:runtime=2880; "
                f"the kinds are {', '.join(kinds)}"
            )
        name, _, value = text.partition(":")[2].partition("=")
        if name in NUMBERS and not _NUMBER.match(value):
            raise StudyError(f"--set-resources {text}: found {name} {value!r}, wanted a number, 36h, 8GB or such")


def _profile_jobs(config: Path, settings: dict[str, Any]) -> int:
    found = settings.get("jobs", 100)
    if isinstance(found, bool) or not str(found).isdecimal() or int(found) < 1:
        raise StudyError(f"{config}: jobs: found {found!r}, wanted a number, 1 or more")
    return int(found)


def _accounting_answers() -> bool:
    """Say whether ``sacct`` can tell a job's state; where it cannot, Snakemake would wait for ever."""
    if not shutil.which("sacct"):
        return False
    try:
        answer = subprocess.run(["sacct", "-n", "-X"], capture_output=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0
