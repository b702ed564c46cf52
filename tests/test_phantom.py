import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import spearmanr

from dataset_converters.datasets.phantom import DATASET, list_cases, make_sample
from dataset_converters.errors import ConversionError
from dataset_converters.phantom.grid import make_grid
from dataset_converters.phantom.patient import Patient, PatientKey, make_patient
from dataset_converters.phantom.traits import DISEASES, INTERSTITIAL, draw_traits
from dataset_converters.records import Case

NOWHERE = Path("/nonexistent")
SIZE = (24, 64, 64)
LABELS = DATASET.labels
DISEASE_VALUES = [LABELS[name] for name in INTERSTITIAL]


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    return [make_patient(PatientKey(2021, number, SIZE, DISEASES)) for number in (6, 10, 12, 14, 16)]


def values(patients: list[Patient], label: str, variant: str, *, eroded: bool = False) -> NDArray[np.int16]:
    """HU of a label over all patients, without its outermost voxels in the plane if ``eroded``."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    found = []
    for patient in patients:
        mask = patient.labels == LABELS[label]
        found.append(patient.images[variant][ndimage.binary_erosion(mask, cross) if eroded else mask])
    return np.concatenate(found)


def test_labels_are_consecutive_and_diseases_have_their_own() -> None:
    assert list(LABELS.values()) == list(range(len(LABELS)))
    assert next(iter(LABELS)) == "background"
    assert set(DISEASES) < set(LABELS)


def test_every_structure_occurs_somewhere(patients: list[Patient]) -> None:
    found = np.unique(np.concatenate([np.unique(patient.labels) for patient in patients]))
    assert found.tolist() == list(range(len(LABELS)))


def test_hounsfield_units_are_those_of_a_chest(patients: list[Patient]) -> None:
    for side in ("right_lung", "left_lung"):
        assert -890 < np.median(values(patients, side, "MK", eroded=True)) < -810
    assert -660 < values(patients, "ground_glass", "MK", eroded=True).mean() < -500
    assert -20 < np.median(values(patients, "consolidation", "MK", eroded=True)) < 50
    assert -15 < np.median(values(patients, "effusion", "MK", eroded=True)) < 35
    assert 10 < np.median(values(patients, "tumour", "MK", eroded=True)) < 60
    honeycomb = values(patients, "honeycombing", "MK", eroded=True)
    assert honeycomb.std() > 150
    assert np.percentile(honeycomb, 20) < -800
    soft_tissue = np.concatenate(
        [p.images["MK"][(p.labels == 0) & (np.abs(p.images["MK"] - 40) < 120)] for p in patients]
    )
    assert 25 < np.median(soft_tissue) < 60


def test_lung_kernel_has_3_to_6_times_the_noise_and_shares_it(patients: list[Patient]) -> None:
    ratios, correlations = [], []
    for patient in patients:
        heart = _homogeneous_soft_tissue(patient)
        lung, soft = (patient.images[variant][heart].astype(float) for variant in ("LK", "MK"))
        ratios.append(lung.std() / soft.std())
        correlations.append(np.corrcoef(lung, soft)[0, 1])
    assert all(3.0 < ratio < 6.0 for ratio in ratios)
    assert all(0.5 < correlation < 0.9 for correlation in correlations)


def test_lung_kernel_is_noisier_in_healthy_lung_too(patients: list[Patient]) -> None:
    lung, soft = (values(patients, "right_lung", variant, eroded=True) for variant in ("LK", "MK"))
    assert ndimage.median(lung) == pytest.approx(ndimage.median(soft), abs=15)
    assert lung.std() > soft.std() + 10


def test_nothing_is_below_minus_1024(patients: list[Patient]) -> None:
    assert min(patient.images["LK"].min() for patient in patients) == -1024


def test_right_lung_lies_at_the_patients_right() -> None:
    case = list_cases(NOWHERE, train_patients=1, size_zyx=[12, 48, 48], readers=0)[0]
    grid = case.images["LK"]().image
    labels = sitk.GetArrayFromImage(case.annotations["truth"](grid))
    for name, sign in (("right_lung", -1), ("left_lung", 1)):
        index = ndimage.center_of_mass(labels == LABELS[name])[::-1]
        assert np.sign(grid.TransformContinuousIndexToPhysicalPoint(index)[0]) == sign


@pytest.mark.parametrize("number", [1, 2, 6])
def test_extent_is_the_covariate(number: int) -> None:
    labels = make_patient(PatientKey(2021, number, SIZE, DISEASES)).labels
    lung = (labels > 0) & (labels <= max(DISEASE_VALUES))
    extent = np.isin(labels, DISEASE_VALUES).sum() / lung.sum()
    assert extent == pytest.approx(draw_traits(2021, number).extent, abs=0.02)


def test_disease_prefers_bases_and_pleura(patients: list[Patient]) -> None:
    lower, shallow = [], []
    for patient in patients:
        lung = (patient.labels > 0) & (patient.labels <= max(DISEASE_VALUES))
        disease = np.isin(patient.labels, DISEASE_VALUES)
        lower.append(np.nonzero(disease)[0].mean() < np.nonzero(lung)[0].mean())
        depth = ndimage.distance_transform_edt(lung, patient.spacing_zyx_mm)
        shallow.append(depth[disease].mean() < depth[lung & ~disease].mean())
    assert sum(lower) >= len(lower) - 1
    assert sum(shallow) >= len(shallow) - 1


def test_lungs_have_the_volume_of_an_adults(patients: list[Patient]) -> None:
    for patient in patients:
        litres = (patient.labels > 0).sum() * np.prod(patient.spacing_zyx_mm) / 1e6
        assert 2.5 < litres < 7.0
    assert len({round(float(np.prod(patient.spacing_zyx_mm)), 3) for patient in patients}) == len(patients)


def test_patient_is_the_same_in_every_cohort_and_differs_by_seed() -> None:
    small = {"size_zyx": [8, 32, 32], "train_patients": 1}
    first = list_cases(NOWHERE, **small)[0]
    again = list_cases(NOWHERE, **small, test_patients=3)[0]
    other = list_cases(NOWHERE, **small, seed=5)[0]
    arrays = []
    for case in (first, again, other):
        make_patient.cache_clear()
        grid = case.images["LK"]().image
        arrays.append([sitk.GetArrayFromImage(i) for i in (grid, case.annotations["reader1"](grid))])
    assert all(np.array_equal(a, b) for a, b in zip(arrays[0], arrays[1], strict=True))
    assert not np.array_equal(arrays[0][0], arrays[2][0])
    assert first.covariates == again.covariates != other.covariates


def test_patients_are_those_of_earlier_versions() -> None:
    """Runs that exist stay comparable. Means and counts, since the last bit of a transform depends on the machine."""
    cases = list_cases(NOWHERE, train_patients=1, test_patients=1, size_zyx=[8, 32, 32], seed=3, readers=2, annotated=3)
    means, counts = {}, {}
    for case in cases:
        for variant, load in case.images.items():
            grid = load().image
            means[case.case, variant] = sitk.GetArrayFromImage(grid).mean()
        for reader, read in case.annotations.items():
            counts[case.case, reader] = np.bincount(sitk.GetArrayFromImage(read(grid)).ravel(), minlength=11).tolist()
    assert means == pytest.approx(
        {
            ("P001", "LK"): -547.99878,
            ("P001", "MK"): -562.65698,
            ("P002", "LK"): -605.50867,
            ("P002", "MK"): -616.19702,
        },
        abs=1e-3,
    )
    assert counts == {
        ("P001", "reader1"): [7231, 365, 268, 18, 28, 128, 147, 7, 0, 0, 0],
        ("P002", "reader1"): [7281, 352, 395, 21, 29, 17, 19, 3, 0, 67, 8],
        ("P002", "reader2"): [7281, 354, 389, 21, 29, 20, 19, 4, 0, 67, 8],
    }


def test_further_kernels_change_neither_the_patient_nor_the_other_images() -> None:
    pair, four = (
        list_cases(NOWHERE, train_patients=1, size_zyx=[8, 32, 32], **options)[0]
        for options in ({}, {"variants": ["BK", "SK", "LK", "MK"]})
    )
    images = {name: load().image for name, load in four.images.items()}
    for variant, load in pair.images.items():
        assert np.array_equal(sitk.GetArrayFromImage(load().image), sitk.GetArrayFromImage(images[variant]))
    assert list(images) == ["LK", "MK", "SK", "BK"]
    noise = [sitk.GetArrayFromImage(images[name]).astype(float) for name in ("LK", "SK", "MK", "BK")]
    rough = [np.abs(np.diff(array, axis=2)).mean() for array in noise]
    assert rough == sorted(rough, reverse=True)
    assert four.images["SK"]().facts["kernel"] == "B50f"


def test_a_reader_who_reads_again_agrees_better_than_two_readers_do() -> None:
    def disease(case: Case, reader: str) -> NDArray[np.bool_]:
        return np.isin(sitk.GetArrayFromImage(case.annotations[reader](case.images["MK"]().image)), DISEASE_VALUES)

    repeated, between = [], []
    options = {"train_patients": 1, "test_patients": 5, "size_zyx": SIZE, "annotated": 5, "repeats": True}
    cases = list_cases(NOWHERE, **options)
    assert list(cases[0].annotations) == ["reader1"]
    for case in cases[1:]:
        assert list(case.annotations) == ["reader1", "reader2", "reader3", "reader1_repeat"]
        assert case.annotated_slices["reader1_repeat"] == case.annotated_slices["reader1"]
        first, second, again = (disease(case, reader) for reader in ("reader1", "reader2", "reader1_repeat"))
        repeated.append(2 * (first & again).sum() / (first.sum() + again.sum()))
        between.append(2 * (first & second).sum() / (first.sum() + second.sum()))
    assert 0.78 < np.mean(repeated) < 0.92
    assert np.mean(repeated) > np.mean(between) + 0.05


def test_patients_have_age_sex_and_skin_disease() -> None:
    cohort = [case.covariates for case in list_cases(NOWHERE, train_patients=200)]
    ages = [person["age_years"] for person in cohort]
    assert 54 < np.median(ages) < 61
    assert min(ages) >= 20
    assert max(ages) <= 90
    assert 0.72 < np.mean([person["sex"] == "female" for person in cohort]) < 0.88
    assert 0.4 < np.mean([person["diffuse"] == "yes" for person in cohort]) < 0.6
    assert {person["sex"] for person in cohort} == {"female", "male"}


def test_size_changes_the_pixels_not_the_patient() -> None:
    small, large = (make_patient(PatientKey(3, 2, size, DISEASES)) for size in ((12, 40, 64), (12, 120, 128)))
    assert small.spacing_zyx_mm[0] == large.spacing_zyx_mm[0]
    assert small.spacing_zyx_mm[1] == pytest.approx(3 * large.spacing_zyx_mm[1])
    millilitres = [(np.isin(p.labels, DISEASE_VALUES).sum() * np.prod(p.spacing_zyx_mm)) / 1e3 for p in (small, large)]
    assert millilitres[0] == pytest.approx(millilitres[1], rel=0.1)


@pytest.mark.parametrize("pixels", [32, 100, 384, 512, 700])
def test_object_is_drawn_finely_enough_for_the_lung_kernel(pixels: int) -> None:
    grid = make_grid(draw_traits(2021, 1), (8, 32, pixels))
    assert max(grid.sampling.pitch_yx_mm) <= 0.8
    assert grid.fine.x_mm[:: grid.sampling.steps_yx[1]] == pytest.approx(grid.image.x_mm)


def test_cases_have_roles_variants_readers_and_annotated_slices() -> None:
    cases = list_cases(NOWHERE, train_patients=2, test_patients=1, size_zyx=(48, 64, 64))
    assert [case.patient for case in cases] == ["P001", "P002", "P003"]
    assert [case.role for case in cases] == ["train", "train", "test"]
    assert all(set(case.images) == {"LK", "MK"} <= set(DATASET.variants) for case in cases)
    assert [list(case.annotations) for case in cases] == [["reader1"], ["reader1"], ["reader1", "reader2", "reader3"]]
    assert not cases[0].annotated_slices
    slices = cases[2].annotated_slices["reader2"]
    assert len(slices) == 20
    assert set(np.diff(slices)) <= {1, 2, 3}


def test_annotated_slices_run_from_base_to_apex() -> None:
    case = list_cases(NOWHERE, train_patients=0, test_patients=1, size_zyx=SIZE, annotated=5)[0]
    labels = make_patient(PatientKey(2021, 1, SIZE, DISEASES)).labels
    lung = np.flatnonzero(np.isin(labels, [LABELS["right_lung"], LABELS["left_lung"]]).any(axis=(1, 2)))
    slices = case.annotated_slices["reader1"]
    assert len(slices) == 5
    assert abs(slices[0] - lung[0]) <= 1
    assert abs(slices[-1] - lung[-1]) <= 1


def test_all_slices_are_annotated_on_request_or_for_the_truth() -> None:
    for options in ({"annotated": 0}, {"readers": 0}):
        case = list_cases(NOWHERE, train_patients=0, test_patients=1, size_zyx=SIZE, **options)[0]
        assert not case.annotated_slices


def test_lung_function_falls_with_extent() -> None:
    cohort = [case.covariates for case in list_cases(NOWHERE, train_patients=50)]
    extent = [covariates["disease_extent"] for covariates in cohort]
    assert min(extent) < 0.06
    assert max(extent) > 0.3
    for name in ("fvc_percent_predicted", "dlco_percent_predicted", "tlc_percent_predicted"):
        rho = spearmanr(extent, [covariates[name] for covariates in cohort]).statistic
        assert -0.85 < rho < -0.45, name


def test_diseases_can_be_chosen() -> None:
    case = list_cases(NOWHERE, train_patients=1, size_zyx=[8, 32, 32], diseases=["ground_glass"], readers=0)[0]
    labels = sitk.GetArrayFromImage(case.annotations["truth"](case.images["MK"]().image))
    assert set(np.unique(labels)) & set(range(5, 11)) == {LABELS["ground_glass"]}
    healthy = list_cases(NOWHERE, train_patients=1, size_zyx=[8, 32, 32], diseases=[])[0]
    labels = sitk.GetArrayFromImage(healthy.annotations["reader1"](healthy.images["MK"]().image))
    assert labels.max() < 5
    assert healthy.covariates["disease_extent"] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_patients": -1}, "train_patients = -1"),
        ({"readers": 1.5}, "readers = 1.5"),
        ({"seed": True}, "seed = True"),
        ({"size_zyx": [4, 128, 128]}, "size_zyx"),
        ({"size_zyx": [64, 128]}, "size_zyx"),
        ({"size_zyx": 64}, "size_zyx"),
        ({"diseases": ["emphysema"]}, "emphysema"),
        ({"diseases": "tumour"}, "tumour"),
        ({"variants": ["B30f"]}, "a list of LK, MK, SK, BK"),
        ({"variants": []}, "at least one of LK, MK, SK, BK"),
        ({"repeats": 1}, "true or false"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        list_cases(NOWHERE, **options)
    assert caught.value.dataset == "phantom"


def test_cohort_file_gives_defaults_and_options_win(tmp_path: Path) -> None:
    make_sample(tmp_path)
    assert [case.role for case in list_cases(tmp_path)] == ["train", "test"]
    assert len(list_cases(tmp_path, train_patients=3)) == 4
    image = list_cases(tmp_path)[0].images["LK"]()
    assert image.image.GetSize() == (48, 48, 12)
    assert image.facts["kernel"] == "B70f"


@pytest.mark.parametrize("text", ["{", '{"patients": 3}', "[]"])
def test_bad_cohort_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cohort.json").write_text(text)
    with pytest.raises(ConversionError, match=r"cohort\.json"):
        list_cases(tmp_path)


def test_cohort_file_is_json_with_known_options(tmp_path: Path) -> None:
    make_sample(tmp_path)
    assert set(json.loads((tmp_path / "cohort.json").read_text())) < set(DATASET.options)


def test_annotation_refuses_another_grid() -> None:
    case = list_cases(NOWHERE, train_patients=1, size_zyx=[8, 32, 32])[0]
    with pytest.raises(ConversionError, match="P001"):
        case.annotations["reader1"](sitk.Image(16, 16, 4, sitk.sitkInt16))


def test_images_and_annotations_share_one_grid() -> None:
    case = list_cases(NOWHERE, train_patients=1, size_zyx=[8, 32, 32])[0]
    lung, soft = case.images["LK"]().image, case.images["MK"]().image
    mask = case.annotations["reader1"](lung)
    for image in (soft, mask):
        assert image.GetSpacing() == lung.GetSpacing()
        assert image.GetOrigin() == lung.GetOrigin()
        assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert mask.GetPixelID() == sitk.sitkUInt8
    assert lung.GetPixelID() == sitk.sitkInt16


def _homogeneous_soft_tissue(patient: Patient) -> NDArray[np.bool_]:
    """Voxels whose wide surroundings are one soft tissue on the mediastinal kernel: mostly liver and heart."""
    soft = np.abs(patient.images["MK"].astype(float) - 50.0) < 60.0
    return ndimage.binary_erosion(soft & (patient.labels == 0), np.ones((1, 5, 5), bool))
