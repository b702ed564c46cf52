"""Variants made from others: beside the native ones, under the same annotation, and said to be emulated."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from toy_dataset import Convert, make_case

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.fitted import fitted_kernel
from dataset_converters.kernels.image_checks import image_doubts
from dataset_converters.kernels.kernel_file import write_kernel_file
from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.records import CtImage
from dataset_converters.variants.emulated_kernel import make_variant

SOFTER = {"name": "MKe", "variant": "emulated_kernel", "of": "LK", "source": "B70f", "target": "B30f"}


def listing(run: Path) -> dict:
    return json.loads((run / "annotations" / "Dataset790_toy" / "cases.json").read_text(encoding="utf-8"))


def small_case(name: str, **changes: object) -> object:
    return make_case(name, images={"LK": small_image}, annotations={"reader1": small_annotation}, **changes)


def small_annotation(grid: sitk.Image) -> sitk.Image:
    values = np.zeros((5, 40, 36), np.uint8)
    values[1:3, 2:4, 1:4] = 1
    annotation = sitk.GetImageFromArray(values)
    annotation.CopyInformation(grid)
    return annotation


def small_image(pixel_mm: float = 0.8, facts: dict[str, str] | None = None) -> CtImage:
    values = np.random.default_rng(2).normal(-400, 300, (5, 40, 36)).clip(-1024, 1500).astype(np.int16)
    values[0, 0, :2] = -1000, 900
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((pixel_mm, pixel_mm, 3.0))
    return CtImage(image, facts or {"kernel": "B70f", "manufacturer": "SIEMENS", "kernel_class": "sharp"})


def test_variant_stands_beside_its_source(run_with: Convert, tmp_path: Path) -> None:
    folder = run_with(small_case("P1"), small_case("P2"), derive=[SOFTER])
    content, entries = json.loads((folder / "dataset.json").read_text()), listing(tmp_path / "run")
    assert entries["variant_kinds"]["MKe"] == "emulated"
    assert content["dataset"]["P1-MKe"]["label"] == content["dataset"]["P1-LK"]["label"]
    facts = entries["cases"][0]["variants"]["MKe"]["facts"]
    assert facts["origin"] == "emulated, not reconstructed"
    assert (facts["kernel"], facts["emulated_from"], facts["seed"]) == ("B30f", "B70f", "0")
    assert "kernel_class" not in facts
    native, emulated = (sitk.ReadImage(str(folder / "imagesTr" / f"P1-{name}_0000.nii.gz")) for name in ("LK", "MKe"))
    assert emulated.GetOrigin() == native.GetOrigin()
    assert sitk.GetArrayFromImage(emulated).std() < sitk.GetArrayFromImage(native).std()


def test_changed_entry_is_converted_again(run_with: Convert, tmp_path: Path) -> None:
    run_with(small_case("P1"), derive=[SOFTER])
    first = listing(tmp_path / "run")["cases"][0]["variants"]["MKe"]["sha256"]
    run_with(small_case("P1"), derive=[SOFTER])
    assert listing(tmp_path / "run")["cases"][0]["variants"]["MKe"]["sha256"] == first
    run_with(small_case("P1"), derive=[{**SOFTER, "target": "B10f"}])
    assert listing(tmp_path / "run")["cases"][0]["variants"]["MKe"]["sha256"] != first
    run_with(small_case("P1"))
    assert not list((tmp_path / "run").rglob("*MKe*"))


def test_files_in_the_working_directory_come_first(
    run_with: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"name": "soft", "variant": "emulated_kernel", "of": "LK", "kernel_file": "kernels/pair.json"}
    here, source = tmp_path / "here", tmp_path / "source"
    monkeypatch.chdir(tmp_path)
    for place, target in ((source, "B10f"), (tmp_path, "B30f")):
        write_kernel_file(place / "kernels/pair.json", conversion_between(KERNELS["B70f"], KERNELS[target]), facts={})
        run_with(small_case("P1"), derive=[entry])
        assert listing(tmp_path / "run")["cases"][0]["variants"]["soft"]["facts"]["kernel"] == target
    here.mkdir()
    monkeypatch.chdir(here)
    (source / "kernels" / "pair.json").unlink()
    with pytest.raises(
        ConversionError, match=r"kernel_file: a \.json file that is neither in the working directory nor"
    ):
        run_with(small_case("P1"), derive=[entry])


def test_kernel_file_of_a_pair_and_its_change(run_with: Convert, tmp_path: Path) -> None:
    file = tmp_path / "source" / "pair.json"
    file.parent.mkdir()
    entry = {"name": "soft", "variant": "emulated_kernel", "of": "LK", "kernel_file": "pair.json"}
    hashes = []
    for target in ("B30f", "B10f"):
        write_kernel_file(file, conversion_between(KERNELS["B70f"], KERNELS[target]), facts={})
        run_with(small_case("P1"), derive=[entry])
        hashes.append(listing(tmp_path / "run")["cases"][0]["variants"]["soft"]["sha256"])
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"name": "LK"}, "a derived variant named 'LK'"),
        ({"name": "a/b"}, "a derived variant named 'a/b'"),
        ({"of": "XK"}, "a derived variant of 'XK'; wanted one of LK, MK"),
        ({"variant": "blur"}, "of kind 'blur'; wanted one of emulated_kernel"),
        ({"radius": 3}, "options radius of a derived variant"),
        ({"target": "B99"}, "a kernel 'B99'"),
        ({"kernel_file": "/x.json"}, "options that name no conversion"),
        ({"seed": -1}, "a seed that is no whole number"),
    ],
)
def test_wrong_entries(run_with: Convert, change: dict, found: str) -> None:
    with pytest.raises(ConversionError, match=found):
        run_with(small_case("P1"), derive=[SOFTER | change])


def test_patients_share_no_noise() -> None:
    sharper = make_variant("toy", target="B70f", seed=0)
    other_seed = make_variant("toy", target="B70f", seed=1)
    y, x = np.mgrid[:96, :96] - 47.5
    body = np.hypot(y, x) < 40
    values = np.where(body, np.random.default_rng(2).normal(40, 10, (2, 96, 96)), -1000).astype(np.int16)
    values[:, 47, 47] = 900
    image = CtImage(sitk.GetImageFromArray(values), {"kernel": "B30f", "manufacturer": "SIEMENS"})
    image.image.SetSpacing((0.8, 0.8, 3.0))
    first, again, second, third = (
        sitk.GetArrayFromImage(made.image).astype(float)
        for made in (sharper(image, "P1"), sharper(image, "P1"), sharper(image, "P2"), other_seed(image, "P1"))
    )
    assert np.array_equal(first, again)
    mean = (first + second + third) / 3
    for other in (second, third):
        parts = [(part - mean)[:, body].ravel() for part in (first, other)]
        assert abs(np.corrcoef(*parts)[0, 1] + 0.5) < 0.1  # three independent fields about their mean
        assert np.std(parts[0]) > 1


def test_images_that_cannot_be_emulated() -> None:
    emulate = make_variant("toy", target="B30f")
    with pytest.raises(ConversionError, match="kernel Q99, of which no class is known"):
        emulate(small_image(facts={"kernel": "Q99", "manufacturer": "Unknown"}), "P1")
    with pytest.raises(ConversionError, match=r"pixels of 2\.5 mm"):
        emulate(small_image(pixel_mm=2.5), "P1")
    with pytest.raises(ConversionError, match="a kernel like B30f"):
        emulate(small_image(facts={"kernel": "B31f", "manufacturer": "SIEMENS"}), "P1")
    windowed = small_image()
    windowed = CtImage(sitk.Clamp(windowed.image, sitk.sitkInt16, -500, 1500), windowed.facts)
    with pytest.raises(ConversionError, match="values from -500"):
        emulate(windowed, "P1")
    coronal = small_image()
    coronal.image.SetDirection((1, 0, 0, 0, 0, -1, 0, 1, 0))
    with pytest.raises(ConversionError, match="not axial"):
        emulate(coronal, "P1")
    with pytest.raises(ConversionError, match="too little soft tissue"):
        make_variant("toy", target="B70f", source="B30f")(small_image(), "P1")


def test_metal_is_said() -> None:
    image = small_image()
    values = sitk.GetArrayFromImage(image.image)
    values[2, 3:, 3:] = 3071
    metal = sitk.GetImageFromArray(values)
    metal.CopyInformation(image.image)
    facts = make_variant("toy", target="B30f")(CtImage(metal, image.facts), "P1").facts
    assert "clipped in metal" in facts["doubt_metal"]


def test_metal_at_a_scanners_own_ceiling_is_said() -> None:
    image = small_image()
    values = sitk.GetArrayFromImage(image.image)
    values[2, 3:6, 3:7] = 2976
    assert image_doubts(image.image, values, {})["doubt_metal"] == "12 voxels clipped in metal (2976 HU)"


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "doubts"),
    [
        ("SIEMENS", "B70f", set()),
        ("SIEMENS", "B60f", set()),
        ("SIEMENS", "I70f\\2", {"doubt_iterative"}),
        ("SIEMENS", "Bl64\\3", {"doubt_iterative"}),
        ("GE MEDICAL SYSTEMS", "LUNG", {"doubt_kernel_class"}),
        ("Philips", "L", {"doubt_kernel_class"}),
    ],
)
def test_uncertain_kernels_are_said(manufacturer: str, kernel: str, doubts: set[str]) -> None:
    image = small_image(facts={"kernel": kernel, "manufacturer": manufacturer})
    made = make_variant("toy", target="B30f")(image, "P1").facts
    assert {name for name in made if name in ("doubt_iterative", "doubt_kernel_class")} == doubts
    told = make_variant("toy", target="B30f", source="B70f")(image, "P1").facts
    assert not {name for name in told if name in ("doubt_iterative", "doubt_kernel_class")}


def test_a_class_stands_for_its_kernel() -> None:
    named, classed = (make_variant("toy", target=target)(small_image(), "P1") for target in ("B30f", "soft"))
    assert classed.facts == named.facts
    assert np.array_equal(*(sitk.GetArrayFromImage(made.image) for made in (named, classed)))


def test_nothing_is_emulated_from_the_smoothest_kernel() -> None:
    with pytest.raises(ConversionError, match="like B10f, which leaves nothing"):
        make_variant("toy", target="B70f", source="B10f")(small_image(), "P1")


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "fitted"),
    [
        ("SIEMENS", "B19f", "B10f"),
        ("SIEMENS", "Br38f\\3", "B30f"),
        ("SIEMENS", "B45f", "B50f"),
        ("SIEMENS", "Bl64", "B70f"),
        ("GE MEDICAL SYSTEMS", "STANDARD", "B30f"),
        ("GE MEDICAL SYSTEMS", "LUNG", "B70f"),
        ("Philips", "L", "B70f"),
        ("Philips", "LUNGISH", None),
        ("", "", None),
    ],
)
def test_fitted_kernel(manufacturer: str, kernel: str, fitted: str | None) -> None:
    found = fitted_kernel({"manufacturer": manufacturer, "kernel": kernel})
    assert (found.name if found else None) == fitted
