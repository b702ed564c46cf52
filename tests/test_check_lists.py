"""The input check on datasets whose ``dataset.json`` lists its files: shared label maps, files that lie elsewhere."""

import json
from pathlib import Path

import pytest
from toy_dataset import Convert, make_annotation, make_case, make_image

from dataset_converters.atomic import write_json
from dataset_converters.checking import check
from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.volumes.nifti import Volume, read_nifti, write_nifti


def errors(folder: Path) -> list[str]:
    return [str(finding) for finding in check_nnunet_raw(folder) if finding.severity == "error"]


def test_one_label_of_several_variants_is_read_once_and_compared_with_each(
    run_with: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_with(make_case("P1"), make_case("P2"))
    read: list[Path] = []

    def noted(path: Path) -> Volume:
        read.append(path)
        return read_nifti(path)

    monkeypatch.setattr(check, "read_nifti", noted)
    assert check_nnunet_raw(folder) == []
    assert sorted(path.name for path in read if path.parent.name == "labels") == ["P1.nii.gz", "P2.nii.gz"]
    write_nifti(folder / "labels/P1.nii.gz", make_annotation(make_image(spacing_mm=(0.8, 0.9, 3.2))))
    assert [text.split(": found P1.nii.gz: size")[0] for text in errors(folder)] == [
        "error: Dataset790_toy: P1-LK",
        "error: Dataset790_toy: P1-MK",
    ]


def test_files_outside_the_dataset_are_not_called_by_their_names(run_with: Convert, tmp_path: Path) -> None:
    """A linked image lies where its source lies, and may be called after a person."""
    folder = run_with(make_case("P1"))
    elsewhere = tmp_path / "Doe_John_19500101.nii.gz"
    (folder / "imagesTr/P1-LK_0000.nii.gz").rename(elsewhere)
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    content["dataset"]["P1-LK"]["images"] = [str(elsewhere)]
    write_json(folder / "dataset.json", content)
    assert errors(folder) == []
    elsewhere.write_bytes(elsewhere.read_bytes()[:-9])
    (message,) = errors(folder)
    assert "P1-LK: found a .nii.gz file: a truncated or damaged gzip stream" in message
    assert "Doe" not in message
