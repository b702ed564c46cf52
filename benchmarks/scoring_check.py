"""Whether the metrics of a study exist, asked of the analysis by its command line before anything is trained."""

import subprocess
import sys
from pathlib import Path

from benchmarks.workflow.job import job_environment


def scoring_fault(study_file: Path) -> str:
    """Return what is wrong with how a study is to be scored; empty if nothing is."""
    answer = subprocess.run(
        [sys.executable, "-m", "analysis.check_study", str(study_file)],
        env=job_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = answer.stderr.strip().splitlines()
    return (lines[-1] if lines else "no message") if answer.returncode else ""
