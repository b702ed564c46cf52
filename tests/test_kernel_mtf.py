"""Measured MTF curves in place of kernel names: the same emulation, and every kind of wrong curve."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_dataset import Convert, make_case

from dataset_converters.__main__ import main
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.mtf_file import read_mtf_file
from dataset_converters.physics.conversion import VALID_PER_MM, conversion_between
from dataset_converters.physics.kernels import KERNELS, ramp_window, system_mtf
from dataset_converters.physics.mtf_curve import MtfCurve, curve_window
from dataset_converters.records import CtImage
from dataset_converters.variants.emulated_kernel import make_variant

FREQUENCY = np.arange(0.0, 1.01, 0.02)


def curve(name: str) -> MtfCurve:
    return MtfCurve(f"curve {name}", FREQUENCY, system_mtf(KERNELS[name], FREQUENCY))


def curve_file(path: Path, name: str, *, header: str = "cycles/mm,mtf", unit: float = 1.0, end: float = 1.01) -> Path:
    f = FREQUENCY[end > FREQUENCY]
    rows = "".join(f"{unit * x:.6g},{y:.5f}\n" for x, y in zip(f, system_mtf(KERNELS[name], f), strict=True))
    path.write_text(f"# a phantom\n{header}\n{rows}", encoding="utf-8")
    return path


def chest_image(seed: int = 1) -> CtImage:
    """A body with a lung, and noise: enough soft tissue to measure it."""
    y, x = (np.mgrid[:160, :160] - 79.5) * 0.8
    plane = np.where(((x - 25) / 18) ** 2 + (y / 25) ** 2 < 1, -850.0, np.where(np.hypot(x, y) < 58, 40.0, -1000.0))
    noise = np.random.default_rng(seed).normal(0, 12, (4, 160, 160))
    values = np.clip(plane + noise, -1024, None).astype(np.int16)
    values[:, 80, 70:74] = 400
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((0.8, 0.8, 3.0))
    return CtImage(image, {"kernel": "B30f", "manufacturer": "SIEMENS"})


@pytest.mark.parametrize("source", sorted(KERNELS))
@pytest.mark.parametrize("target", sorted(KERNELS))
def test_curves_of_two_kernels_convert_as_their_names_do(source: str, target: str) -> None:
    named = conversion_between(KERNELS[source], KERNELS[target])
    measured = conversion_between(curve(source), curve(target))
    band = named.frequency_per_mm <= VALID_PER_MM
    assert measured.gain[band] == pytest.approx(named.gain[band], rel=0.01, abs=0.01)
    for noise in ("source_noise", "added_noise"):
        scale = getattr(named, noise)[band].max()
        assert getattr(measured, noise)[band] == pytest.approx(getattr(named, noise)[band], abs=0.01 * scale + 1e-6)
    mixed = conversion_between(KERNELS[source], curve(target))
    assert mixed.gain[band] == pytest.approx(named.gain[band], rel=0.01, abs=0.01)


@given(st.floats(0.98, 1.02), st.sampled_from(sorted(KERNELS)))
@settings(deadline=None, max_examples=20)
def test_window_starts_at_one_and_ends_with_the_curve(first: float, name: str) -> None:
    scaled = MtfCurve("scaled", FREQUENCY, first * system_mtf(KERNELS[name], FREQUENCY))
    assert curve_window(scaled, np.array([0.0, 1.5])) == pytest.approx([1.0, 0.0])
    f = np.linspace(0.0, 0.6, 50)
    assert curve_window(scaled, f) == pytest.approx(ramp_window(KERNELS[name], f), rel=0.02)


def test_gain_of_two_curves_is_their_ratio_whatever_the_aperture() -> None:
    """Curves of a scanner with a sharper focus: the gain is the ratio of the two, where it is not regularised."""
    sharper = np.exp(-((FREQUENCY / 0.8) ** 2)) / np.exp(-((FREQUENCY / 0.42) ** 2))
    soft, sharp = (MtfCurve(name, FREQUENCY, sharper * curve(name).mtf) for name in ("B30f", "B70f"))
    made = conversion_between(sharp, soft)
    band = (made.frequency_per_mm > 0) & (made.frequency_per_mm < 0.4)
    f = made.frequency_per_mm[band]
    wanted = ramp_window(KERNELS["B30f"], f) / ramp_window(KERNELS["B70f"], f)
    assert made.gain[band] == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(("source", "target"), [("B30f", "B70f"), ("B70f", "B30f"), ("", "B50f")])
def test_images_are_those_of_the_named_kernels(source: str, target: str, tmp_path: Path) -> None:
    target_mtf = curve_file(tmp_path / "t.csv", target, header="lp/cm,mtf", unit=10.0)
    given = {"source_mtf": str(curve_file(tmp_path / "s.csv", source))} if source else {}
    measured = make_variant("toy", target_mtf=str(target_mtf), **given)(chest_image(), "P1")
    named = make_variant("toy", target=target, source=source)(chest_image(), "P1")
    first, second = (sitk.GetArrayFromImage(made.image).astype(float) for made in (measured, named))
    change = second - sitk.GetArrayFromImage(chest_image().image)
    assert np.sqrt(np.mean((first - second) ** 2)) < 0.02 * np.sqrt(np.mean(change**2)) + 0.5
    assert measured.facts["kernel"].startswith("MTF curve ")
    assert not any(name.startswith("doubt_mtf") for name in measured.facts)
    assert measured.facts["origin"] == "emulated, not reconstructed"


def test_curve_that_ends_early_is_marked_and_nothing_above_it_is_kept(tmp_path: Path) -> None:
    short = curve_file(tmp_path / "t.csv", "B50f", end=0.45)
    made = make_variant("toy", target_mtf=str(short))(chest_image(), "P1")
    assert made.facts["doubt_mtf_range"] == "known to 4.4 lp/cm, nothing kept above"
    conversion = conversion_between(KERNELS["B30f"], read_mtf_file(short))
    above = conversion.frequency_per_mm > 0.45
    assert not conversion.gain[above].any()
    assert not conversion.added_noise[above].any()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "another header"),
        ("frequency,contrast\n0,1\n", "another header"),
        ("lp/cm,mtf\n0,1\n1,0.9\n2,x\n", "rows that are not two numbers"),
        ("lp/cm,mtf\n0,1\n1,0.9,3\n", "rows that are not two numbers"),
        ("lp/cm,mtf\n0,1\n5,0.1\n", "2 points"),
        ("lp/cm,mtf\n0,1\n1,nan\n2,.8\n3,.7\n4,.5\n", "not finite"),
        ("lp/cm,mtf\n0,1\n1,.9\n1,.8\n3,.7\n4,.5\n", "do not rise from 0"),
        ("lp/cm,mtf\n1,1\n2,.9\n3,.8\n4,.7\n5,.5\n", "do not rise from 0"),
        ("lp/cm,mtf\n0,100\n1,90\n2,80\n3,70\n4,50\n", "no per cent"),
        ("lp/cm,mtf\n0,1\n1,.9\n2,.8\n3,-.1\n4,0\n", "an MTF from -0.1"),
        ("lp/cm,mtf\n0,1\n.5,.9\n1,.8\n1.5,.7\n2,.5\n", "ends at 2 lp/cm with an MTF of 0.5"),
        ("cycles/mm,mtf\n" + "0,1\n" * 300000, "bytes"),
        ("lp/cm;mtf\n0;1\n", "another header with semicolons"),
        ("lp/cm;mtf\n0,0;1,0\n", "another header with semicolons"),
        ('"lp/cm","mtf"\n0,1\n', "another header with quotation marks"),
        ("lp/cm,mtf,\n0,1\n", "another header with a comma at its end"),
        ("lp/cm,mtf\n0,1,\n", "two numbers with a comma at its end"),
        ("lp/cm,mtf\n0,0,1,0\n", "a decimal comma"),
        ("cycles/mm,mtf\n0,1\n2,.8\n4,.4\n6,.1\n8,0\n", "a half at 35 lp/cm .* values in lp/cm under a header"),
        ("cycles/mm,mtf\n0,1\n1,.9\n2,.8\n3,.7\n4,.6\n", "values in lp/cm under a header of cycles/mm"),
        ("lp/cm,mtf\n0,1\n.2,.8\n.4,.4\n.6,.1\n.8,0\n", "a half at 0.35 lp/cm .* cycles/mm under a header of lp/cm"),
        ("lp/cm,mtf\n0,1\n2,0\n4,0\n6,0\n8,0\n", "falls to 0 at once, at 2 lp/cm"),
        ("lp/cm,mtf\n0,1\n2,1\n4,1\n6,1\n8,1\n", "a curve that does not fall"),
    ],
)
def test_wrong_curves(text: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "MUELLER_HANS.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError, match=found) as caught:
        read_mtf_file(path)
    assert "MUELLER" not in str(caught.value)
    assert "wanted a CSV file with the header" in str(caught.value)


def test_absent_curves_and_wrong_options(tmp_path: Path) -> None:
    file = str(curve_file(tmp_path / "t.csv", "B50f"))
    with pytest.raises(ConversionError, match="No such file"):
        make_variant("toy", target_mtf=str(tmp_path / "none.csv"))
    for options in (
        {"target_mtf": file, "target": "B50f"},
        {"source_mtf": file},
        {"kernel_file": file, "source": "B30f"},
    ):
        with pytest.raises(ConversionError, match="options that name no conversion"):
            make_variant("toy", **options)
    with pytest.raises(ConversionError, match="an option that is no text"):
        make_variant("toy", target_mtf=3)  # type: ignore[arg-type]
    with pytest.raises(ConversionError, match="a kernel like MTF curve"):
        make_variant("toy", target_mtf=file, source_mtf=file)(chest_image(), "P1")


def test_changed_curve_is_converted_again_and_no_path_is_kept(run_with: Convert, tmp_path: Path) -> None:
    """Paths count from the source folder as well, and the curve's content decides what is made."""
    (tmp_path / "source" / "MUELLER_HANS").mkdir(parents=True)
    entry = {"name": "MKe", "variant": "emulated_kernel", "of": "LK", "target_mtf": "MUELLER_HANS/b.csv"}
    hashes = []
    for target in ("B50f", "B10f"):
        curve_file(tmp_path / "source" / "MUELLER_HANS" / "b.csv", target)
        run_with(make_case("P1", images={"LK": lambda: chest_image()}, annotations={}, role="test"), derive=[entry])
        listing = tmp_path / "run" / "annotations" / "Dataset790_toy" / "cases.json"
        hashes.append(json.loads(listing.read_text())["cases"][0]["variants"]["MKe"]["sha256"])
        assert "MUELLER" not in "".join(path.read_text() for path in (tmp_path / "run").rglob("*.json"))
    assert hashes[0] != hashes[1]


def test_absent_curve_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = '{name="MKe", variant="emulated_kernel", of="LK", target_mtf="MUELLER.csv"}'
    assert main(["convert", "phantom", str(tmp_path), str(tmp_path / "out"), "--derive", table]) == 1
    said = capsys.readouterr().err
    assert "target_mtf: a .csv file that is neither in the working directory nor in the source folder" in said
    assert "MUELLER" not in said
