"""Masks that scores and trainings rest on: a damaged one is made again, and scores without it do not stay."""

import sys
from pathlib import Path

import pytest

from benchmarks.study_file import load_study
from benchmarks.workflow import job as wrapper
from benchmarks.workflow.contents import Contents, read_record
from benchmarks.workflow.freshness import why_stale
from benchmarks.workflow.jobs import REFERENCES, Job, list_jobs
from dataset_converters.atomic import write_json

QUICKSTART = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"
# as a stage does that takes over what is there
MAKE = (
    "from pathlib import Path\n"
    "for name in ('images/a', 'masks/a-r1'):\n"
    "    path = Path(name + '.nii.gz'); path.parent.mkdir(exist_ok=True)\n"
    "    path.exists() or path.write_text(name)\n"
)
CONVERT = Job("convert-a", "convert", (), ("x",), ("in",), (), contents="images/*.nii.gz masks/*.nii.gz")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in").write_text("")
    monkeypatch.setattr(wrapper, "python_command", lambda job: [sys.executable, "-c", MAKE])
    monkeypatch.setattr(wrapper, "_take_over_hashes", lambda *args: None)
    assert wrapper.run_job(tmp_path, CONVERT) == 0
    return tmp_path


def _reason(run: Path, **changes: object) -> str:
    record = read_record(run / "jobs" / "convert-a.json") | changes
    return why_stale(run, CONVERT, {name: value for name, value in record.items() if value is not None})


@pytest.mark.parametrize("content", ["swapped", None])
def test_a_swapped_or_lost_mask_is_noticed_and_made_again(run: Path, content: str | None) -> None:
    mask = run / "masks" / "a-r1.nii.gz"
    mask.unlink()
    if content:
        mask.write_text(content)
    assert _reason(run) == f"output masks/a-r1.nii.gz {'changed' if content else 'is missing'}"
    assert wrapper.run_job(run, CONVERT) == 0
    assert (mask.read_text(), _reason(run)) == ("masks/a-r1", "")


def test_a_record_of_before_masks_were_recorded_still_counts(run: Path) -> None:
    images = {
        name: value
        for name, value in read_record(run / "jobs" / "convert-a.json")["outputs"].items()
        if "images" in name
    }
    assert _reason(run, outputs=images) == "output masks/a-r1.nii.gz is not its own"
    assert _reason(run, outputs=images, contents=None) == ""


def test_conversion_and_assembly_own_every_mask_they_write() -> None:
    jobs = {job.kind: job for job in list_jobs(load_study(QUICKSTART), "cpu")}
    owned = jobs["convert"].contents.split() + jobs["assemble"].contents.split()
    assert [glob.split("/")[0] + "/" + "/".join(glob.split("/")[2:]) for glob in owned] == [
        "nnUNet_raw/imagesT[rs]/*.nii.gz",
        "nnUNet_raw/labels/*.nii.gz",
        "annotations/*.nii.gz",
        "nnUNet_raw/labelsTr/*.nii.gz",
    ]
    assert REFERENCES in jobs["evaluate"].inputs


def test_scores_made_without_a_reference_differ_from_those_made_with_it(tmp_path: Path) -> None:
    references = {"c": {"readers": {"r1": {"annotation": "masks/c-r1.nii.gz"}}}}
    write_json(tmp_path / "matrix.json", {"images": {}, "models": [], "plans": [], "references": references})
    absent = Contents(tmp_path, "evaluate").of(REFERENCES)
    (tmp_path / "masks").mkdir()
    seen = {absent}
    for text in ("one", "two"):
        (tmp_path / "masks" / "c-r1.nii.gz").write_text(text)
        seen.add(Contents(tmp_path, "evaluate").of(REFERENCES))
    assert len(seen) == 3
    assert "" not in seen
