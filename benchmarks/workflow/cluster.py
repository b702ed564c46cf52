"""The workflow on a cluster: which profile, and what its cluster can answer."""

import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks.study_file import StudyError

PROFILES = Path(__file__).parent / "profiles"
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
        If there is no such profile, its executor is not installed, or this machine cannot send jobs to SLURM.
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
    executor = settings.get("executor")
    if not executor:
        raise StudyError(f"{config}: names no executor; wanted for example executor: slurm")
    if find_spec(f"snakemake_executor_plugin_{str(executor).replace('-', '_')}") is None:
        raise StudyError(
            f"--profile {profile}: its executor is not installed; python -m pip install "
            f"snakemake-executor-plugin-{executor}"
        )
    if executor == "slurm" and not shutil.which("sbatch"):
        raise StudyError(f"--profile {profile}: found no sbatch here; run this on a login node of the cluster")
    return Cluster(folder.resolve(), settings, int(jobs or settings.get("jobs", 100)))


def _accounting_answers() -> bool:
    """Say whether ``sacct`` can tell a job's state; where it cannot, Snakemake would wait for ever."""
    if not shutil.which("sacct"):
        return False
    try:
        answer = subprocess.run(["sacct", "-n", "-X"], capture_output=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0
