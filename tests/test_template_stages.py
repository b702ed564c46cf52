"""Templates of a run: choice, registration of every image, prediction on a template, vote."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from test_assemble import _convert_all
from test_template_arms import STUDY

from analysis.errors import AnalysisError
from analysis.results import IMAGE_COLUMNS, read_results
from analysis.scoring.run_scores import rows_frame
from analysis.tables import template_registrations
from benchmarks.assemble import assemble
from dataset_converters.volumes.nifti import sha256_of, write_nifti
from trainers.errors import TrainerError
from trainers.predict import predict as predict_module
from trainers.predict.vote import majority, vote, vote_regions
from trainers.run_folder import RunFolder, open_run
from trainers.templates.choose import choose, diverse, one_image_a_patient
from trainers.templates.template_set import find_templates
from trainers.templates.warp import warp_all

MEMBER, VOTE = "atlas-T1-nnUNetTrainerAtlasNet-s0-f0", "atlas-nnUNetTrainerAtlasNet-s0-f0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an assembled run whose templates are chosen and whose images are registered to the first."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "study.toml").write_text(STUDY.replace("[8, 32, 32]", "[16, 48, 48]"), encoding="utf-8")
    _convert_all(folder / "study.toml", folder / "run", None)
    assemble(folder / "run")
    templates = find_templates(open_run(folder / "run"), "atlas-f0")
    choose(templates)
    warp_all(templates, 1, "cpu")
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    return open_run(Path(shutil.copytree(made, tmp_path / "run")))


def _rows(run: RunFolder) -> dict[str, dict[str, str]]:
    with (run.path / "templates/atlas-f0/T1/registrations.csv").open(newline="") as stream:
        return {row["image"]: row for row in csv.DictReader(stream)}


def test_two_training_patients_are_chosen_with_the_energies_beside_them(run: RunFolder) -> None:
    content = json.loads((run.path / "templates/atlas-f0/templates.json").read_text())
    entry = run.matrix["templates"][0]
    assert len(set(content["templates"])) == 2
    assert set(content["templates"]) <= set(entry["train"]) == set(content["candidates"])
    energies = np.array(content["energies"])
    assert energies.shape == (4, 4)
    assert (energies[~np.eye(4, dtype=bool)] > 0).all()


def test_every_image_has_a_row_and_training_images_their_label(run: RunFolder) -> None:
    rows, entry = _rows(run), run.matrix["templates"][0]
    assert list(rows) == [*entry["train"], *entry["val"], *entry["test"]]
    template = find_templates(run, "atlas-f0").template(1)
    assert rows[template]["status"] == "done"
    assert float(rows[template]["correlation"]) > 0.999
    overlap = {image: row["lung_dice"] for image, row in rows.items()}
    assert float(overlap[template]) > 0.99
    assert all(0.7 < float(overlap[image]) <= 1 for image in (*entry["train"], *entry["val"]))
    assert [overlap[image] for image in entry["test"]] == ["", ""]  # nothing of a test case's label is looked at
    grid = sitk.DICOMOrient(sitk.ReadImage(str(run.image(template))), "LPS")
    for warped in find_templates(run, "atlas-f0").warped(1).values():
        image, label = (sitk.ReadImage(str(run.path / warped[part])) for part in ("path", "label"))
        assert image.GetSize() == label.GetSize() == grid.GetSize()
        assert image.GetOrigin() == pytest.approx(grid.GetOrigin())
        assert set(np.unique(sitk.GetArrayFromImage(label))) >= {0, 1}
    assert not (run.path / "templates/atlas-f0/T1/imagesTr" / f"{entry['test'][0]}_0000.nii.gz").exists()


def _times(run: RunFolder) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (run.path / "templates").rglob("*.n*") if path.is_file()}


def test_what_is_there_is_kept_and_what_changed_is_made_again(run: RunFolder) -> None:
    templates, before = find_templates(run, "atlas-f0"), _times(run)
    warp_all(templates, 1, "cpu")
    assert _times(run) == before
    label = run.path / next(iter(templates.warped(1).values()))["label"]
    label.write_bytes(b"damaged")
    warp_all(templates, 1, "cpu")
    after = _times(run)
    assert [Path(path).name for path, time in after.items() if time != before[path]] != []
    assert sitk.ReadImage(str(label)).GetSize() == (48, 48, 16)


def _replace_image(run: RunFolder, image: str, values: np.ndarray) -> None:
    changed = sitk.GetImageFromArray(values.astype(np.int16))
    changed.CopyInformation(sitk.ReadImage(str(run.image(image))))
    write_nifti(run.image(image), changed)
    matrix = json.loads((run.path / "matrix.json").read_text())
    matrix["images"][image]["sha256"] = sha256_of(run.image(image))
    (run.path / "matrix.json").write_text(json.dumps(matrix))


def test_a_case_without_lung_is_a_row_and_stays_in_training(run: RunFolder) -> None:
    templates = find_templates(run, "atlas-f0")
    image = next(name for name in run.matrix["templates"][0]["train"] if name != templates.template(1))
    _replace_image(run, image, np.full((16, 48, 48), 40))
    again = open_run(run.path)
    warp_all(find_templates(again, "atlas-f0"), 1, "cpu")
    row = _rows(again)[image]
    assert row["status"] == "failed"
    assert "one value everywhere" in row["reason"]
    warped = templates.warped(1)[image]
    assert np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(run.path / warped["path"])))).tolist() == [40]
    assert (sitk.GetArrayFromImage(sitk.ReadImage(str(run.path / warped["label"]))) == 1).any()


def test_an_image_that_cannot_be_read_is_named_after_the_others_are_done(run: RunFolder) -> None:
    image = run.matrix["templates"][0]["test"][0]
    run.image(image).write_bytes(b"no image")
    shutil.rmtree(run.path / "templates/atlas-f0/T1")
    with pytest.raises(TrainerError, match=rf"{image}.*another file than the run was assembled from"):
        warp_all(find_templates(run, "atlas-f0"), 1, "cpu")
    rows = _rows(run)
    assert [name for name, row in rows.items() if row["status"] == "failed"] == [image]
    assert rows[image]["reason"] == "not registered: its files cannot be read"


def test_candidates_that_cannot_be_registered_are_never_chosen() -> None:
    energies = np.array([[0.0, 1.0, np.nan, 2.0], [1.0, 0.0, np.nan, 5.0], [np.nan] * 4, [2.0, 5.0, np.nan, 0.0]])
    assert sorted(diverse(["a", "b", "c", "d"], energies, 3, "set")) == ["a", "b", "d"]
    with pytest.raises(TrainerError, match=r"set: found 3 of 4 training patients.*\(none to: c\); wanted 4 templates"):
        diverse(["a", "b", "c", "d"], energies, 4, "set")


def test_two_images_of_a_patient_are_one_candidate(run: RunFolder) -> None:
    assert one_image_a_patient(run, ["phantom_P001-LK", "phantom_P001-MK", "phantom_P003-LK"]) == [
        "phantom_P001-LK",
        "phantom_P003-LK",
    ]


def test_unknown_templates_and_numbers_are_said(run: RunFolder) -> None:
    with pytest.raises(TrainerError, match=r"no templates 'x'; wanted one of \['atlas-f0'\]"):
        find_templates(run, "x")
    with pytest.raises(TrainerError, match="found 2 templates; wanted template 3"):
        find_templates(run, "atlas-f0").template(3)


class _Lung:
    """A model that calls air inside a warped image lung, and all that is dense disease."""

    def __init__(self) -> None:
        self.sizes: list[Any] = []

    def __call__(self, _: Any, files: list[Path], output: Path) -> None:
        image = sitk.ReadImage(str(files[0]))
        self.sizes.append((image.GetSize(), image.GetOrigin()))
        values = sitk.GetArrayFromImage(image)
        labels = sitk.GetImageFromArray((values < -500).astype(np.uint8))
        labels.CopyInformation(image)
        write_nifti(output, labels)


def _predict(run: RunFolder, monkeypatch: pytest.MonkeyPatch, name: str = MEMBER) -> _Lung:
    model = _Lung()
    monkeypatch.setattr(predict_module, "predict_one", model)
    monkeypatch.setattr(predict_module, "load_predictor", lambda *args, **kwargs: None)
    monkeypatch.setattr(predict_module.TrainedModel, "key", lambda self: {"checkpoint_sha256": "0"})
    monkeypatch.setattr(predict_module, "point_nnunet_at", lambda *args, **kwargs: None)
    predict_module.predict(run, run.find_model(name, "trained"), "cpu")
    return model


def test_a_model_sees_the_warped_image_and_its_label_map_returns_to_the_grid(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _predict(run, monkeypatch)
    template = sitk.DICOMOrient(sitk.ReadImage(str(run.image(find_templates(run, "atlas-f0").template(1)))), "LPS")
    assert len(seen.sizes) == 2
    assert all(size == template.GetSize() for size, _ in seen.sizes)
    for image in run.find_model(MEMBER, "trained")["test"]:
        original = sitk.ReadImage(str(run.image(image)))
        label = sitk.ReadImage(str(run.path / f"predictions/{MEMBER}/{image}.nii.gz"))
        assert label.GetSize() == original.GetSize()
        assert label.GetDirection() == original.GetDirection()
        air = sitk.GetArrayFromImage(original) < -500
        found = sitk.GetArrayFromImage(label) > 0
        assert 2 * (air & found).sum() / (air.sum() + found.sum()) > 0.85  # as far as two interpolations go
    assert not list((run.path / "predictions" / MEMBER).glob(".on-template*"))
    assert _predict(run, monkeypatch).sizes == []  # nothing twice


def test_a_new_registration_is_predicted_again_and_a_missing_one_said(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _predict(run, monkeypatch)
    image = run.find_model(MEMBER, "trained")["test"][0]
    warp = find_templates(run, "atlas-f0").warp(1, image)
    warp.unlink()
    with pytest.raises(TrainerError, match=rf"{image}: .*no .*{image}\.npz; wanted its registration"):
        _predict(run, monkeypatch)
    warp_all(find_templates(run, "atlas-f0"), 1, "cpu")
    assert len(_predict(run, monkeypatch).sizes) == 1


def _write_labels(run: RunFolder, model: str, image: str, labels: np.ndarray) -> None:
    result = sitk.GetImageFromArray(labels.astype(np.uint8))
    result.CopyInformation(sitk.ReadImage(str(run.image(image))))
    write_nifti(run.path / f"predictions/{model}/{image}.nii.gz", result)


def test_a_vote_is_the_majority_of_its_members(run: RunFolder) -> None:
    model = run.find_model(VOTE, "vote")
    for image in model["test"]:
        lower, upper = np.zeros((16, 48, 48)), np.zeros((16, 48, 48))
        lower[4:10], upper[6:12], lower[6], upper[6] = 1, 1, 2, 1
        for member, labels in zip(model["members"], (lower, upper), strict=True):
            _write_labels(run, member, image, labels)
    vote(run, model)
    label = sitk.ReadImage(str(run.path / f"predictions/{VOTE}/{model['test'][0]}.nii.gz"))
    values = sitk.GetArrayFromImage(label)
    assert np.unique(values[6:10]).tolist() == [1]  # both say lung; disease has one of two votes
    assert not values[:6].any()
    assert not values[10:].any()


def test_a_vote_without_a_member_is_said_and_the_others_are_made(run: RunFolder) -> None:
    model = run.find_model(VOTE, "vote")
    for image in model["test"]:
        for member in model["members"]:
            _write_labels(run, member, image, np.ones((16, 48, 48)))
    lost, kept = model["test"]
    (run.path / f"predictions/{model['members'][1]}/{lost}.nii.gz").unlink()
    with pytest.raises(TrainerError, match=rf"{lost}.*no label map of {model['members'][1]}"):
        vote(run, model)
    assert [path.name for path in (run.path / "predictions" / VOTE).glob("*.nii.gz")] == [f"{kept}.nii.gz"]


def test_structures_other_than_lung_and_disease_are_voted_on_by_themselves() -> None:
    assert vote_regions({"liver": 1, "tumour": 2}) == {1: (1,), 2: (2,)}
    assert vote_regions({"right_lung": 1, "left_lung": 2, "disease": 3}) == {1: (1, 2, 3), 3: (3,)}


def test_a_lung_is_the_side_most_members_say() -> None:
    structures = {"right_lung": 1, "left_lung": 2, "disease": 3}
    votes = [np.array(row, np.uint8) for row in ([1, 1, 2, 3, 0], [2, 1, 2, 3, 1], [2, 3, 3, 1, 0])]
    assert majority(votes, structures).tolist() == [2, 1, 2, 3, 0]


def test_the_table_of_registrations_counts_and_names_what_failed(run: RunFolder) -> None:
    path = run.path / "templates/atlas-f0/T1/registrations.csv"
    second = run.path / "templates/atlas-f0/T2/registrations.csv"
    second.parent.mkdir()
    second.write_text(path.read_text().replace(",done,,", ",failed,folds,", 1))
    rows_frame([]).to_parquet(run.path / "scores.parquet")
    (run.path / "images.csv").write_text(",".join(IMAGE_COLUMNS) + "\n")
    table = template_registrations.make(read_results(run.path))
    assert len(table.frame) == 14
    printed = table.sections[0].frame
    assert printed["Images"].tolist() == ["7", "7"]
    assert printed["Failed"].tolist() == ["0", "1"]
    first = run.matrix["templates"][0]["train"][0]
    assert table.notes[-1] == f"Failed registrations: {first} on template 2: folds."
    path.unlink()
    with pytest.raises(AnalysisError, match="run the study again"):
        read_results(run.path)
