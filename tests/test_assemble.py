"""The study dataset and matrix.json: what is trained, watched and tested, and with which labels."""

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from benchmarks.assemble import assemble
from benchmarks.run_folder import open_run
from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow.freshness import input_hashes
from benchmarks.workflow.jobs import list_jobs
from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.datasets import dicom_pairs, sts
from dataset_converters.volumes.nifti import sha256_of, write_nifti
from dataset_converters.writing.writer import convert

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"
OPTIONS = "train_patients = 8, test_patients = 10, size_zyx = [48, 128, 128], seed = 2021"
SMALL = "train_patients = 4, test_patients = 2, size_zyx = [8, 32, 32], seed = 3, readers = 2, annotated = 5"


def _convert_all(study: Path, run: Path, data: Path | None) -> None:
    open_run(study, run, data=data, device="cpu")
    for spec in sorted((run / "specs").glob("*.json")):
        entry = json.loads(spec.read_text())
        convert(
            entry["converter"],
            Path(entry["root"]),
            run,
            nnunet_name=entry["nnunet_name"],
            dataset_id=entry["dataset_id"],
            options=entry["options"],
        )


def _phantom_study(folder: Path) -> Path:
    text = (STUDIES / "quickstart.toml").read_text(encoding="utf-8")
    assert OPTIONS in text
    (folder / "study.toml").write_text(text.replace(OPTIONS, SMALL), encoding="utf-8")
    return folder / "study.toml"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose phantom is converted and assembled."""
    folder = tmp_path_factory.mktemp("phantom")
    _convert_all(_phantom_study(folder), folder / "run", None)
    assemble(folder / "run")
    return folder / "run"


def _matrix(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "matrix.json").read_text())
    return content


def _label(run: Path, path: str) -> np.ndarray:
    return np.asarray(nib.load(run / path).dataobj)


def test_the_input_check_accepts_the_study_dataset(phantom: Path) -> None:
    findings = check_nnunet_raw(phantom / "nnUNet_raw" / "Dataset901_quickstart")
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_study_labels_are_the_union_of_the_structures_source_labels(phantom: Path) -> None:
    matrix = _matrix(phantom)
    label = _label(phantom, "nnUNet_raw/Dataset901_quickstart/labelsTr/phantom_P001-LK.nii.gz")
    source = _label(phantom, matrix["references"]["phantom_P001"]["readers"]["reader1"]["annotation"])
    wanted = np.isin(source, matrix["references"]["phantom_P001"]["structures"]["disease"])
    assert wanted.any()
    assert np.array_equal(label == 1, wanted)
    assert set(np.unique(label)) <= {0, 1}


def test_what_tables_need_to_know_of_cases_and_images(phantom: Path) -> None:
    matrix = _matrix(phantom)
    case = matrix["references"]["phantom_P005"]
    assert case["role"] == "test"
    assert {"age_years", "sex", "fvc_percent_predicted"} <= set(case["covariates"])
    assert case["covariates"]["sex"] in ("female", "male")
    assert case["reference_only"] == {}
    assert matrix["images"]["phantom_P005-LK"]["facts"]["kernel"] == "B70f"


def test_facts_of_an_image_make_no_prediction_out_of_date(phantom: Path, tmp_path: Path) -> None:
    study = load_study(phantom / "study.toml")
    predict = next(job for job in list_jobs(study, "cpu") if job.kind == "predict")
    checkpoint = tmp_path / predict.inputs[0]
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"")
    matrix = _matrix(phantom)
    hashes = []
    for fact in ("B70f", "B80f", None):
        for image in matrix["images"].values():
            image["facts"] = {"kernel": fact}
            if fact is None:
                del image["facts"]
                image["sha256"] = "other"
        (tmp_path / "matrix.json").write_text(json.dumps(matrix))
        hashes.append(input_hashes(tmp_path, predict))
    assert hashes[0] == hashes[1] != hashes[2]


def test_reference_only_structures_are_label_values(tmp_path: Path) -> None:
    study = _phantom_study(tmp_path)
    text = study.read_text().replace("[tables]\n", '[scoring]\nreferences = { mass = ["tumour"] }\n\n[tables]\n', 1)
    study.write_text(text)
    _convert_all(study, tmp_path / "run", None)
    assemble(tmp_path / "run")
    assert _matrix(tmp_path / "run")["references"]["phantom_P001"]["reference_only"] == {"mass": [10]}
    (tmp_path / "run" / "study.toml").write_text(text.replace('mass = ["tumour"]', 'mass = ["mass"]'))
    with pytest.raises(StudyError, match=r"\[scoring.references.mass\] no dataset has a label 'mass'"):
        assemble(tmp_path / "run")


def test_test_patients_are_in_no_split_and_predicted_on_both_kernels(phantom: Path) -> None:
    matrix = _matrix(phantom)
    used = {image for plan in matrix["plans"] for split in plan["splits"] for image in split["train"] + split["val"]}
    assert {matrix["images"][image]["patient"] for image in used} == {"P001", "P002", "P003", "P004"}
    for model in matrix["models"]:
        assert model["test"] == [f"phantom_P00{n}-{kernel}" for n in (5, 6) for kernel in ("LK", "MK")]


def test_every_arm_watches_the_same_patients(phantom: Path) -> None:
    watched = [{image.rsplit("-", 1)[0] for image in plan["splits"][0]["val"]} for plan in _matrix(phantom)["plans"]]
    assert watched[0] == watched[1] == watched[2]
    assert len(watched[0]) == 1


def test_assembling_again_gives_the_same_bytes(phantom: Path) -> None:
    before = (phantom / "matrix.json").read_bytes()
    assemble(phantom)
    assert (phantom / "matrix.json").read_bytes() == before


def test_slices_the_training_reader_did_not_annotate_are_ignored_in_training(tmp_path: Path) -> None:
    study = _phantom_study(tmp_path)
    text = study.read_text().replace('kind = "roles"\nvalidation_share = 0.1', 'kind = "cross_validation"\nfolds = 2')
    study.write_text(text)
    run = tmp_path / "run"
    _convert_all(study, run, None)
    assemble(run)
    matrix = _matrix(run)
    assert matrix["ignore_label"] == 2
    annotated = matrix["references"]["phantom_P005"]["readers"]["reader1"]["annotated_slices"]
    label = _label(run, "nnUNet_raw/Dataset901_quickstart/labelsTr/phantom_P005-MK.nii.gz")
    ignored = {z for z in range(label.shape[2]) if (label[:, :, z] == 2).all()}
    assert ignored == set(range(8)) - set(annotated)
    assert not (label[:, :, annotated] == 2).any()
    content = json.loads((run / "nnUNet_raw" / "Dataset901_quickstart" / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "disease": 1, "ignore": 2}


def _edit_case(run: Path, case: str, **changes: Any) -> None:
    path = run / "annotations" / "Dataset702_phantom" / "cases.json"
    content = json.loads(path.read_text())
    next(entry for entry in content["cases"] if entry["case"] == case).update(changes)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("case", "use"), [("P001", "arm LK trains on or watches it"), ("P006", "is scored on it")])
def test_a_study_that_needs_a_case_nobody_annotated_names_it(
    phantom: Path, tmp_path: Path, case: str, use: str
) -> None:
    run = shutil.copytree(phantom, tmp_path / "run")
    _edit_case(run, case, readers={}, training_reader="", label=None)
    with pytest.raises(StudyError, match=f"dataset phantom: case {case}: found no annotation, but .*{use}"):
        assemble(run)


def test_a_case_nobody_annotated_may_lie_beside_those_a_study_uses(phantom: Path, tmp_path: Path) -> None:
    run = shutil.copytree(phantom, tmp_path / "run")
    content = json.loads((run / "annotations/Dataset702_phantom/cases.json").read_text())
    other = next(entry for entry in content["cases"] if entry["case"] == "P006")
    content["variant_kinds"]["OTHER"] = "simulated"
    variants = {"OTHER": other["variants"]["LK"]}
    content["cases"].append({**other, "patient": "P099", "case": "P099", "variants": variants, "readers": {}})
    (run / "annotations/Dataset702_phantom/cases.json").write_text(json.dumps(content))
    assemble(run)
    assert _matrix(run)["references"]["phantom_P099"]["readers"] == {}


def test_a_test_set_of_two_kinds_is_refused(phantom: Path, tmp_path: Path) -> None:
    run = shutil.copytree(phantom, tmp_path / "run")
    path = run / "annotations" / "Dataset702_phantom" / "cases.json"
    path.write_text(path.read_text().replace('"MK": "simulated"', '"MK": "emulated"'))
    with pytest.raises(StudyError, match=r"\[test_sets.both\] found images of 2 kinds: emulated \(MK\); simulated"):
        assemble(run)


def test_voxels_a_reader_left_open_are_ignored_in_training(phantom: Path, tmp_path: Path) -> None:
    run = shutil.copytree(phantom, tmp_path / "run")
    assert _matrix(run)["ignore_label"] is None
    readers = _matrix(run)["references"]["phantom_P002"]["readers"]
    mask = run / readers["reader1"]["annotation"]
    image = sitk.ReadImage(str(mask))
    image[0:4, :, :] = 11
    write_nifti(mask, image)
    entry = {"sha256": sha256_of(mask), "empty": False, "cleared_slices": 0, "ignored_voxels": 1, "ignore_value": 11}
    _edit_case(run, "P002", readers={**readers, "reader1": {**readers["reader1"], **entry}})
    assemble(run)
    matrix = _matrix(run)
    assert matrix["ignore_label"] == 2
    assert matrix["references"]["phantom_P002"]["readers"]["reader1"]["ignore_value"] == 11
    assert matrix["references"]["phantom_P001"]["readers"]["reader1"]["ignore_value"] is None
    label = _label(run, "nnUNet_raw/Dataset901_quickstart/labelsTr/phantom_P002-LK.nii.gz")
    assert (label[:4] == 2).all()
    assert not (label[4:] == 2).any()


def test_an_unknown_training_reader_is_an_error(tmp_path: Path) -> None:
    study = _phantom_study(tmp_path)
    study.write_text(study.read_text().replace('training_reader = "reader1"', 'training_reader = "reader9"'))
    _convert_all(study, tmp_path / "run", None)
    with pytest.raises(StudyError, match=r"phantom: P00\d: no annotation by training_reader 'reader9'.*reader1"):
        assemble(tmp_path / "run")


def test_an_unknown_structure_member_lists_the_labels(tmp_path: Path) -> None:
    study = _phantom_study(tmp_path)
    study.write_text(study.read_text().replace('"honeycombing"]', '"honeycomb"]'))
    _convert_all(study, tmp_path / "run", None)
    with pytest.raises(StudyError, match=r"no dataset has a label 'honeycomb'; known: .*'honeycombing'"):
        assemble(tmp_path / "run")


def test_a_changed_source_makes_its_conversion_stale(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    sts.make_sample(data)
    _, jobs = open_run(STUDIES / "sts_kernels.toml", run, data=data, device="cpu")
    before = input_hashes(run, jobs[0])
    open_run(STUDIES / "sts_kernels.toml", run, data=data, device="cpu")
    assert input_hashes(run, jobs[0]) == before
    next((data / "STS_001" / "CT" / "image").iterdir()).unlink()
    open_run(STUDIES / "sts_kernels.toml", run, data=data, device="cpu")
    assert jobs[0].kind == "convert"
    assert input_hashes(run, jobs[0]) != before


def test_a_run_remembers_its_data_folder_however_often_it_goes_on_without_being_told(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    sts.make_sample(data)
    open_run(STUDIES / "sts_kernels.toml", run, data=data, device="cpu")
    for _ in range(2):
        open_run(STUDIES / "sts_kernels.toml", run, data=None, device="cpu")
        assert json.loads((run / "specs" / "sts.json").read_text())["root"] == str(data.resolve())
        assert json.loads((run / "run.json").read_text())["data"] == str(data.resolve())


def test_a_run_refuses_another_dataset_before_it_writes_anything(tmp_path: Path) -> None:
    study, run = _phantom_study(tmp_path), tmp_path / "run"
    open_run(study, run, data=None, device="cpu")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    study.write_text(study.read_text().replace("seed = 3", "seed = 4"))
    with pytest.raises(StudyError, match=r"made with another \[datasets.phantom\]; give another --out"):
        open_run(study, run, data=None, device="cpu")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    study.write_text(study.read_text().replace("seed = 4", "seed = 3").replace("Phantom ILD", "ILD, simulated"))
    open_run(study, run, data=None, device="cpu")


def _another_patient(source: Path, target: Path, *, shift: int) -> None:
    """Copy a patient with every value changed: equal images would be taken for one person."""
    shutil.copytree(source, target)
    for path in sorted(target.rglob("*.dcm")):
        content = pydicom.dcmread(path)
        if content.Modality == "CT":
            content.PixelData = (content.pixel_array + shift).astype(content.pixel_array.dtype).tobytes()
            content.save_as(path)


def test_the_2021_protocol_runs_on_own_dicom_of_two_diseases(tmp_path: Path) -> None:
    for disease in ("covid19", "ild"):
        root = tmp_path / "data" / disease
        dicom_pairs.make_sample(root)
        for shift, copy in enumerate(("P03", "P04"), start=1 if disease == "ild" else 3):
            _another_patient(root / "P01", root / copy, shift=shift)
        (root / "patients.csv").write_text("patient,role\nP01,train\nP02,test\nP03,train\nP04,train\n")
    run = tmp_path / "run"
    _convert_all(STUDIES / "kernel_2021.toml", run, tmp_path / "data")
    assemble(run)
    matrix = _matrix(run)
    assert {plan["arm"]: plan["class_weights"]["disease"] for plan in matrix["plans"]} == {
        **dict.fromkeys(["COVID19-LK", "COVID19-MK", "COVID19-LK+MK"], 60.0),
        **dict.fromkeys(["ILD-LK", "ILD-MK", "ILD-LK+MK"], 65.0),
    }
    tested = {model["arm"]: model["test"] for model in matrix["models"]}
    assert tested["ILD-LK"] == ["ild_P02-LK", "ild_P02-MK"]
    assert tested["COVID19-LK+MK"] == ["covid19_P02-LK", "covid19_P02-MK"]
    both = next(plan for plan in matrix["plans"] if plan["arm"] == "ILD-LK+MK")["splits"][0]
    assert len(both["train"]) == 4
    assert all(matrix["images"][image]["dataset"] == "ild" for image in both["train"] + both["val"])
