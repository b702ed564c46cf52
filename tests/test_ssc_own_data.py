"""The 2020 protocol on a user's own folders, in the layout its study file describes: converted, measured, tabulated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from analysis.evaluate import main as evaluate
from analysis.make_tables import main as make_tables
from benchmarks.assemble import assemble
from benchmarks.check import check_study
from benchmarks.run_folder import open_run
from dataset_converters.sources.sample_volumes import SampleChest, sample_chest, write_sample
from dataset_converters.writing.writer import convert
from trainers.predict.hu_range import predict_hu_range
from trainers.run_folder import open_run as open_for_training

STUDY = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "ssc_ild_2020.toml"
ATLAS = "atlas-nnUNetTrainerAtlasNet-s0-f0"
READERS = ("reader1", "reader2", "reader3", "reader1_repeat")
COVARIATES = ("diffuse", "rodnan", "antibody_centromere", "antibody_scl70", "antibody_other", "antibody_none")
FUNCTION = ("tlc", "fvc", "dlco", "kco")
LABELS = 'lung_definition = "trachea out, disease in"\n[labels]\nlung = [1, "Lung"]\ndisease = [2, "ILD"]\n'
COHORTS = {
    "annotated": ("train", "train", "train", "test", "test"),
    "correlation": 4 * ("test",),
    "external": ("test",),
}


def write_data(root: Path) -> None:
    """Write five, four and one tiny patients in three folders; ``annotated`` ones are read, test ones on two slices."""
    seed = 0
    for dataset, roles in COHORTS.items():
        columns = ["case", "patient", "image", "variant", "kernel", "role", "age", "sex"]
        columns += [f"covariate:{name}" for name in (*COVARIATES, *FUNCTION)]
        read = dataset == "annotated"
        columns += [f"{part}:{reader}" for part in ("mask", "slices") for reader in READERS] if read else []
        lines = [",".join(columns)]
        for number, role in enumerate(roles):
            seed += 1
            lines.append(",".join(_line(root / dataset, f"{role[0].upper()}{number}", role, seed=seed, read=read)))
        (root / dataset / "manifest.csv").write_text("\n".join(lines) + "\n")
        (root / dataset / "manifest.toml").write_text(LABELS)


def _line(folder: Path, name: str, role: str, *, seed: int, read: bool) -> Iterator[str]:
    chest = _chest(seed)
    write_sample(folder / name / "ct.nii.gz", chest.image)
    yield from (name, name, f"{name}/ct.nii.gz", "LK", "B70f", role, str(50 + seed), "F" if seed % 2 else "M")
    yield from ("yes", str(seed), "no", "yes", "no", "no")
    yield from (str(90 - 3 * seed), str(85 - 4 * seed), str(60 - seed), "" if seed == 7 else str(70 + seed))
    if not read:
        return
    readers = READERS if role == "test" else READERS[:1]
    for reader in READERS:
        yield f"{name}/{reader}.nii.gz" if reader in readers else ""
        if reader in readers:
            write_sample(folder / name / f"{reader}.nii.gz", chest.labels(lung=1, disease=2))
    yield from ("5 6" if role == "test" and reader in readers else "" for reader in READERS)


def _chest(seed: int) -> SampleChest:
    return sample_chest(seed, noise_hu=60.0, size_xyz=(340, 250, 12), spacing_mm=(1.0, 1.0, 22.0))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the user's folder."""
    root = tmp_path_factory.mktemp("own")
    write_data(root)
    return root


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that is assembled, with label maps of a network that finds the true lung and no disease."""
    folder = tmp_path_factory.mktemp("ssc") / "run"
    study = folder.parent / "study.toml"  # three training patients, one of whom watches
    study.write_text(STUDY.read_text(encoding="utf-8").replace("count = 6", "count = 2"), encoding="utf-8")
    open_run(study, folder, data=data, device="cpu")
    for spec in sorted((folder / "specs").glob("*.json")):
        entry = json.loads(spec.read_text())
        names = {"nnunet_name": entry["nnunet_name"], "dataset_id": entry["dataset_id"], "options": entry["options"]}
        names |= {"derive": entry["derive"]}
        convert(entry["converter"], Path(entry["root"]), folder, **names)
    assemble(folder)
    for image in _models(folder)[ATLAS]["test"]:
        ct = sitk.ReadImage(str(folder / _matrix(folder)["images"][image]["path"]))
        smooth = sitk.GetArrayFromImage(sitk.Median(ct, [1, 1, 1]))
        found = sitk.GetImageFromArray(((smooth < -400) & _inner(smooth.shape)).astype(np.uint8))
        found.CopyInformation(ct)
        path = folder / "predictions" / ATLAS / f"{image}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(found, str(path))
    for number in (1, 2):  # what registration would have left
        table = folder / f"templates/atlas-f0/T{number}/registrations.csv"
        table.parent.mkdir(parents=True)
        table.write_text("image,role,templates,template,status,reason\n")
    return folder


def _inner(shape: tuple[int, ...]) -> np.ndarray:
    inner = np.zeros(shape, dtype=bool)
    inner[2:-2, 40:-40, 40:-40] = True
    return inner


def _matrix(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "matrix.json").read_text())
    return content


def _models(run: Path) -> dict[str, Any]:
    return {model["model"]: model for model in _matrix(run)["models"]}


def test_check_reads_the_study_and_the_layout(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.check._check_environment", lambda study, device: [])
    few = "[arms.atlas.templates] fold 0: found 2 training images, wanted 6 templates"
    assert check_study(STUDY, tmp_path / "run", data=data, device="cpu").findings == [few]


def test_every_patient_is_in_the_role_and_cohort_of_the_table(run: Path) -> None:
    matrix = _matrix(run)
    assert len(matrix["references"]) == sum(map(len, COHORTS.values()))
    assert not matrix["references"]["correlation_T0"]["readers"]
    assert set(matrix["references"]["annotated_T3"]["readers"]) == set(READERS)
    assert matrix["references"]["annotated_T3"]["readers"]["reader2"]["annotated_slices"] == [5, 6]
    assert matrix["references"]["correlation_T1"]["covariates"]["fvc"] == 85 - 4 * 7
    split = matrix["plans"][0]["splits"][0]
    assert {image.split("-")[0] for image in (*split["train"], *split["val"])} == {f"annotated_T{n}" for n in range(3)}


def test_histograms_are_measured_on_the_emulated_soft_images_in_the_lung_of_the_sharp_ones(run: Path) -> None:
    model = _models(run)["salaffi-hu_range-s0-f0"]
    assert not model["refused"]
    assert len(model["test"]) == 7
    assert model["lung_images"]["external_T0-SOFTe"] == "external_T0-LK"
    folder = open_for_training(run)
    for name in ("salaffi", "HAA", "LAA"):
        predict_hu_range(folder, _models(run)[f"{name}-hu_range-s0-f0"])
    lung = sitk.GetArrayFromImage(sitk.ReadImage(str(run / "predictions" / ATLAS / "external_T0-LK.nii.gz")))
    path = run / "predictions" / model["model"] / "external_T0-SOFTe.nii.gz"
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert np.array_equal(labels > 0, lung > 0)
    assert 0 < (labels == 2).sum() < (labels == 1).sum()


def test_tables_show_patients_that_nobody_annotated(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.scoring.known_sharpness.image_sharpness", lambda path: (np.nan, np.nan))  # slow
    test_histograms_are_measured_on_the_emulated_soft_images_in_the_lung_of_the_sharp_ones(run)
    assert evaluate([str(run)]) == 0
    for name in ("ssc_table3", "ssc_staging"):
        assert make_tables([str(run), "--only", name]) == 0
    table = (run / "tables" / "ssc_table3.md").read_text()
    assert "Correlation-with-PFTs Dataset (n = 4)" in table
    assert "−700 to −200 HU¶" in table
    assert "B30f emulated from B70f (7 images)" in table
    assert "2 patients, at least 3 needed" in table
    staging = (run / "tables" / "ssc_staging.md").read_text()
    assert "External Validation Dataset (n = 1)" in staging
    assert make_tables([str(run), "--only", "ssc_false_positives"]) == 1  # nobody outlined the lung on every slice
