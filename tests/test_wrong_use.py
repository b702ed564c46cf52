"""Wrong use of ``python -m benchmarks``: one clear line before anything is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.study_file import StudyError
from benchmarks.workflow.cluster import open_cluster, refuse_odd_resources

QUICKSTART = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize("sign", ["$", "`", '"', "\\"])
def test_a_run_folder_that_a_shell_would_expand_is_refused_on_a_cluster(
    sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"a{sign}HOME"
    text = _refused(capsys, "run", str(QUICKSTART), "--out", str(out), "--profile", "slurm")
    assert f"found {sign} in its path, which a cluster expands" in text
    assert not out.exists()


@pytest.mark.parametrize("text", ["foo", "train", "train:runtime", "trian:runtime=3", "train:runtime=", ":a=1"])
def test_resources_of_no_kind_of_job_are_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    said = _refused(capsys, "run", str(QUICKSTART), "--out", str(out), "--set-resources", text)
    assert f"--set-resources {text}: wanted KIND:NAME=VALUE" in said
    assert not out.exists()


@pytest.mark.parametrize("text", ["train:gpu=x", "train:mem_mb=much", "warp:runtime=²"])
def test_resources_that_are_no_number_are_refused_before_anything_runs(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _refused(capsys, "run", str(QUICKSTART), "--out", str(tmp_path / "run"), "--set-resources", text)
    assert "wanted a number" in said
    assert not (tmp_path / "run").exists()


def test_resources_as_snakemake_takes_them_are_taken() -> None:
    refuse_odd_resources(["train:runtime=2880", "predict:slurm_extra='--nice=3'", "convert:mem_mb=8000"])
    refuse_odd_resources(
        ["train:runtime=36h", "train:mem_mb=8000*attempt", "train:mem_mb=attempt*8000", "warp:runtime=24*60"]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- executor: slurm", "config.yaml: found list, wanted a mapping"),
        ("slurm", "config.yaml: found str, wanted a mapping"),
        ("executor: local\njobs: many", "jobs: found 'many', wanted a number"),
        ("executor: local\njobs: 0", "jobs: found 0, wanted a number"),
    ],
)
def test_a_profile_of_another_shape_is_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.workflow.cluster.find_spec", lambda name: name)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(StudyError, match=message):
        open_cluster(str(tmp_path), None)


def test_a_folder_as_study_and_a_file_as_run_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    out = str(tmp_path / "run")
    assert f"{tmp_path}: not a file; give the path" in _refused(capsys, "run", str(tmp_path), "--out", out)
    assert not (tmp_path / "run").exists()
    for more in ((), ("--dry-run",)):
        assert f"{file}: not a folder" in _refused(capsys, "run", str(QUICKSTART), "--out", str(file), *more)
    assert f"{file}: not a run folder" in _refused(capsys, "status", str(file))


def test_a_reader_that_closes_early_makes_no_noise(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "run", str(QUICKSTART), "--out", str(tmp_path / "r"), "--dry-run"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait() == 141
