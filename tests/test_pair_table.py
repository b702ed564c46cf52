import csv
import io
from pathlib import Path

import numpy as np
import pytest

from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series
from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.kernels.pair_table import format_pairs, grid_relation, list_pairs, pairs_to_csv
from dataset_converters.volumes.grid import Grid

STRONG = {"StudyInstanceUID": "1.2.3.4.5.6.1", "AcquisitionNumber": "2"}
FRAME = "1.2.3.4.5.6.2"


def _write(folder: Path, kernel: str, *, spacing_mm=3.0, slices=6, vendor="Philips", **attributes) -> None:
    mask = ball_mask(size_xyz=(10, 9, slices), spacing_mm=(0.8, 0.8, spacing_mm), radius_mm=3)
    write_ct_series(
        folder, ct_of_mask(mask), kernel=kernel, manufacturer=vendor, frame_of_reference=FRAME, **attributes
    )


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Four patients: a pair; a fair pair; a pair on two grids with a third kernel; a sharp series with a gap alone."""
    for folder, kernel in (("1", "L"), ("2", "B")):
        _write(tmp_path / "Doe_Jane" / folder, kernel, ManufacturerModelName="Brilliance 64", **STRONG)
        _write(tmp_path / "Roe_Ann" / folder, kernel, StudyInstanceUID="1.2.3.4.5.6.7")
    _write(tmp_path / "Sue" / "1", "L", **STRONG)
    _write(tmp_path / "Sue" / "2", "B", spacing_mm=1.5, slices=12, **STRONG)
    _write(tmp_path / "Sue" / "3", "Smith", **STRONG)
    _write(tmp_path / "Tom" / "1", "LUNG", vendor="GE MEDICAL SYSTEMS", **STRONG)
    sorted((tmp_path / "Tom" / "1").iterdir())[2].unlink()
    (tmp_path / "Tom" / "1" / "broken.dcm").write_text("not DICOM")
    return tmp_path


def test_every_series_is_in_a_row_with_a_verdict(studies: Path) -> None:
    rows = list_pairs(studies, table=load_kernel_table())
    assert [(r.patient, r.sharp, r.soft, r.verdict) for r in rows] == [
        ("patient 1", "L", "B", "pair"),
        ("patient 2", "L", "B", "pair, fair evidence"),
        ("patient 3", "L", "B", "pair on two grids"),
        ("patient 3", "", "", "alone"),
        ("patient 4", "LUNG", "", "alone"),
        ("patient 4", "", "", "alone"),
    ]
    pair, fair, two_grids, unknown, gap, broken = rows
    assert (pair.vendor, pair.model, pair.slices, pair.spacing_mm) == ("Philips", "Brilliance 64", "6", "0.8 x 0.8 x 3")
    assert (pair.grids, pair.reason) == ("equal", "")
    assert pair.evidence.startswith("same study, frame of reference, acquisition number")
    assert "not given: acquisition number" in fair.evidence
    assert two_grids.grids == "slice distance differs (3 and 1.5 mm)"
    assert two_grids.slices == "6 and 12"
    assert unknown.reason == "kernel unlisted: unknown"
    assert gap.reason.startswith("1 uneven slice distances: 6 mm")
    assert broken.reason == "1 files whose header cannot be read"


def test_table_names_nobody(studies: Path) -> None:
    rows = list_pairs(studies, table=load_kernel_table())
    for text in (format_pairs(rows), pairs_to_csv(rows)):
        for secret in ("Doe", "Roe", "Sue", "Tom", "Smith", "1.2.3", "ANONYMOUS", str(studies)):
            assert secret not in text


def test_text_and_csv(studies: Path) -> None:
    rows = list_pairs(studies, table=load_kernel_table())
    lines = format_pairs(rows).splitlines()
    assert lines[0].startswith("patient 1, study 1: pair: Philips Brilliance 64, L and B, 6 slices of 0.8 x 0.8 x 3 mm")
    table = load_kernel_table().sha256[:12]
    assert lines[-1] == f"3 alone, 1 pair, 1 pair on two grids, 1 pair, fair evidence (kernel table {table})"
    read = list(csv.DictReader(io.StringIO(pairs_to_csv(rows))))
    assert [row["verdict"] for row in read] == [row.verdict for row in rows]
    assert format_pairs(()) == "no CT series"


def test_second_choice_and_tie_are_told(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "1", "L", **STRONG)
    _write(tmp_path / "a" / "2", "B", **STRONG)
    _write(tmp_path / "a" / "3", "A", spacing_mm=1.5, slices=12, **STRONG)
    for number, kernel in enumerate(("L", "A", "B")):
        _write(tmp_path / "b" / str(number), kernel, **STRONG)
    found = {(r.patient, r.soft): r.verdict for r in list_pairs(tmp_path, table=load_kernel_table())}
    assert found == {
        ("patient 1", "B"): "pair",
        ("patient 1", "A"): "not chosen",
        ("patient 2", "A"): "ambiguous",
        ("patient 2", "B"): "ambiguous",
    }


def test_series_of_another_acquisition_says_what_keeps_it_apart(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "1", "L", **STRONG)
    _write(tmp_path / "a" / "2", "B", **{**STRONG, "AcquisitionNumber": "7"})
    _write(tmp_path / "b" / "1", "B", **STRONG)
    reasons = [(r.verdict, r.reason) for r in list_pairs(tmp_path, table=load_kernel_table())]
    assert reasons == [
        ("alone", "the soft series of the study: two acquisition numbers"),
        ("alone", "the sharp series of the study: two acquisition numbers"),
        ("alone", "no sharp series in the study"),
    ]


def test_files_beside_the_folders_are_a_patient_too(tmp_path: Path) -> None:
    _write(tmp_path, "L", **STRONG)
    assert [r.patient for r in list_pairs(tmp_path, table=load_kernel_table())] == ["patient 1"]
    assert list_pairs(tmp_path / "nothing", table=load_kernel_table()) == ()


def _grid(size_xyz=(10, 10, 5), spacing_mm=(1.0, 1.0, 3.0), origin_mm=(0, 0, 0)) -> Grid:
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = origin_mm
    return Grid(size_xyz, affine)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "equal"),
        ({"spacing_mm": (1, 1, 1.5)}, "slice distance differs (3 and 1.5 mm)"),
        ({"spacing_mm": (2, 2, 3)}, "field of view differs (10 and 20 mm)"),
        ({"spacing_mm": (0.5, 0.5, 3), "size_xyz": (20, 20, 5)}, "pixel spacing differs"),
        ({"size_xyz": (10, 10, 4)}, "number of slices differs"),
        ({"origin_mm": (0, 0, 1)}, "position of the voxels differs"),
        ({"spacing_mm": (2, 2, 5)}, "slice distance differs (3 and 5 mm); field of view differs (10 and 20 mm)"),
    ],
)
def test_relation_of_two_grids_in_words(other: dict, words: str) -> None:
    assert grid_relation(_grid(), _grid(**other)) == words


def test_the_real_pair(lung_dx_root: Path) -> None:
    (row,) = list_pairs(lung_dx_root, table=load_kernel_table())
    assert (row.vendor, row.sharp, row.soft, row.slices, row.grids) == ("Philips", "L", "B", "64", "equal")
    assert row.verdict == "pair"
    assert row.evidence == (
        "same study, frame of reference, acquisition date, acquisition time, tube voltage, exposure; "
        "not given: acquisition number"
    )
