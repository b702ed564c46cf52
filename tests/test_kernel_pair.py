from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.dicom.headers import find_dicom_files
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.acquisition import acquisition_of, compare_acquisitions
from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.kernels.pair import find_kernel_pair

COMMON = {
    "StudyInstanceUID": "1.2.3.4.5.6.1",
    "AcquisitionNumber": "2",
    "AcquisitionDate": "20000101",
    "AcquisitionTime": "101500.25",
    "Exposure": "150",
}
FRAME = "1.2.3.4.5.6.2"


def _write(folder: Path, kernel: str, *, spacing_mm=3.0, slices=6, pixels=10, frame=FRAME, **attributes) -> None:
    mask = ball_mask(size_xyz=(pixels, 9, slices), spacing_mm=(0.8, 0.8, spacing_mm), radius_mm=3)
    write_ct_series(
        folder,
        ct_of_mask(mask),
        kernel=kernel,
        manufacturer="Philips",
        frame_of_reference=frame,
        **{**COMMON, **attributes},
    )


def _find(root: Path, **options):
    return find_kernel_pair(find_dicom_files(root), table=load_kernel_table(), dataset="demo", case="P01", **options)


def test_pair_is_found_among_series_of_other_kernels(tmp_path: Path) -> None:
    for folder, kernel in (("a", "L"), ("b", "B"), ("c", "D"), ("d", "XX")):
        _write(tmp_path / folder, kernel)
    sharp, soft = _find(tmp_path)
    assert [one.facts["kernel_class"] for one in (sharp, soft)] == ["sharp", "soft"]
    assert [{p.parent.name for p in one.files} for one in (sharp, soft)] == [{"a"}, {"b"}]


def test_same_grid_comes_before_thin_slices(tmp_path: Path) -> None:
    _write(tmp_path / "sharp_thick", "L")
    _write(tmp_path / "soft_thick", "B")
    _write(tmp_path / "soft_thin", "A", spacing_mm=1.0, slices=18)
    sharp, soft = _find(tmp_path)
    assert soft.files[0].parent.name == "soft_thick"
    assert soft.grid.size_xyz == sharp.grid.size_xyz


def test_thinnest_of_two_pairs_on_one_grid_each(tmp_path: Path) -> None:
    for name, kernel in (("sharp", "L"), ("soft", "B")):
        _write(tmp_path / f"{name}_thick", kernel)
        _write(tmp_path / f"{name}_thin", kernel, spacing_mm=1.0, slices=18)
    assert [one.files[0].parent.name for one in _find(tmp_path)] == ["sharp_thin", "soft_thin"]


def test_several_equal_candidates_are_named_and_refused(tmp_path: Path) -> None:
    for folder, kernel in (("a", "L"), ("b", "B"), ("c", "A")):
        _write(tmp_path / folder, kernel)
    with pytest.raises(
        ConversionError, match=r"2 pairs between which nothing decides: .*kernel A .*kernel B|2 pairs"
    ) as caught:
        _find(tmp_path)
    assert "kernel A (soft, 6 slices every 3 mm)" in str(caught.value)
    assert "kernel B (soft, 6 slices every 3 mm)" in str(caught.value)


def test_thin_pair_of_another_acquisition_is_not_preferred(tmp_path: Path) -> None:
    for name, kernel in (("sharp", "L"), ("soft", "B")):
        _write(tmp_path / f"{name}_1", kernel)
        _write(tmp_path / f"{name}_2", kernel, spacing_mm=1.0, slices=18, AcquisitionNumber="3")
    with pytest.raises(ConversionError, match="2 pairs between which nothing decides"):
        _find(tmp_path)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"StudyInstanceUID": "1.2.3.4.5.6.9"}, "two studies"),
        ({"frame": "1.2.3.4.5.6.9"}, "two frames of reference"),
        ({"AcquisitionNumber": "3"}, "two acquisition numbers"),
        ({"AcquisitionDate": "20000102"}, "two acquisition dates"),
        ({"AcquisitionTime": "101530.25"}, "acquisition times 30 s apart"),
        ({"KVP": "100"}, "tube voltage 120 and 100 kV"),
        ({"Exposure": "60"}, "exposure 150 and 60 mAs"),
    ],
)
def test_what_contradicts_one_acquisition_is_named_without_its_value(tmp_path: Path, attributes, message: str) -> None:
    _write(tmp_path / "a", "L")
    _write(tmp_path / "b", "B", **attributes)
    with pytest.raises(ConversionError, match=f"a sharp and a soft series of {message}; wanted two reconstr") as caught:
        _find(tmp_path)
    for secret in ("1.2.3", "20000101", "20000102", "1015"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("blank", ["AcquisitionNumber", "AcquisitionTime", "Exposure"])
def test_what_is_not_given_does_not_contradict(tmp_path: Path, blank: str) -> None:
    _write(tmp_path / "a", "L")
    _write(tmp_path / "b", "B", **{blank: ""})
    assert _find(tmp_path)[1].facts["kernel"] == "B"


def test_study_and_frame_must_be_given_unless_weak_evidence_is_allowed(tmp_path: Path) -> None:
    _write(tmp_path / "a", "L")
    _write(tmp_path / "b", "B", StudyInstanceUID="")
    with pytest.raises(ConversionError, match=r"weak evidence of one acquisition \(same frame.*not given: study\)"):
        _find(tmp_path)
    assert _find(tmp_path, evidence="weak")[1].facts["kernel"] == "B"
    _write(tmp_path / "c", "A", spacing_mm=6.0, slices=3)
    assert _find(tmp_path, evidence="weak", other_grid="transfer")[1].facts["kernel"] == "A"


def test_other_grid_is_refused_or_returned(tmp_path: Path) -> None:
    _write(tmp_path / "a", "L")
    _write(tmp_path / "b", "B", spacing_mm=1.5, slices=12, pixels=8)
    with pytest.raises(ConversionError, match=r"soft series has size 8 x 9 x 12.*other_grid=transfer"):
        _find(tmp_path)
    sharp, soft = _find(tmp_path, other_grid="transfer")
    assert (sharp.size_xyz, soft.size_xyz) == ((10, 9, 6), (8, 9, 12))


def test_broken_series_is_told_only_if_the_pair_needs_it(tmp_path: Path) -> None:
    _write(tmp_path / "a", "L")
    _write(tmp_path / "b", "B")
    _write(tmp_path / "c", "A", spacing_mm=1.0, slices=18)
    sorted((tmp_path / "c").iterdir())[5].unlink()
    assert _find(tmp_path)[1].facts["kernel"] == "B"
    for path in (tmp_path / "b").iterdir():
        path.unlink()
    with pytest.raises(ConversionError, match="uneven slice distances"):
        _find(tmp_path)


def _header(**values) -> pydicom.Dataset:
    header = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(header, keyword, value)
    return header


def test_times_of_slices_need_only_overlap() -> None:
    thin = acquisition_of([_header(AcquisitionTime=f"1015{s:02d}.5") for s in range(10, 20)])
    thick = acquisition_of([_header(AcquisitionTime="101514")])
    later = acquisition_of([_header(AcquisitionTime="101521.6")])
    assert compare_acquisitions(thin, thick).same == ("acquisition time",)
    assert compare_acquisitions(thin, later).differing == ("acquisition times 2 s apart",)


def test_evidence_in_words() -> None:
    one = acquisition_of([_header(StudyInstanceUID="1.2", FrameOfReferenceUID="1.3", AcquisitionNumber=1, KVP="120")])
    match = compare_acquisitions(one, one)
    assert match.grade == "strong"
    assert match.evidence == (
        "same study, frame of reference, acquisition number, tube voltage; not given: acquisition time, exposure"
    )
    other = acquisition_of([_header(StudyInstanceUID="1.2", AcquisitionNumber=1)])
    assert compare_acquisitions(one, other).grade == "weak"


_HEADERS = st.builds(
    lambda study, number, time, kvp: _header(
        **({"StudyInstanceUID": study} if study else {}),
        **({"AcquisitionNumber": number} if number else {}),
        **({"AcquisitionTime": time} if time else {}),
        **({"KVP": kvp} if kvp else {}),
    ),
    st.sampled_from(["", "1.2", "1.3"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["", "101010", "101011", "120000"]),
    st.sampled_from(["", "100", "120"]),
)


@given(one=st.lists(_HEADERS, min_size=1, max_size=3), other=st.lists(_HEADERS, min_size=1, max_size=3))
def test_comparison_does_not_depend_on_the_order(one, other) -> None:
    first, second = acquisition_of(one), acquisition_of(other)
    there, back = compare_acquisitions(first, second), compare_acquisitions(second, first)
    assert (there.same, there.absent, len(there.differing)) == (back.same, back.absent, len(back.differing))
    assert compare_acquisitions(first, first).differing == ()
