"""Kernel files: what a stranger's file may hold, which images it belongs to, and what lies beyond its tables."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.fitted_pair import FittedPair
from dataset_converters.kernels.kernel_file import read_fitted_file, read_kernel_file, write_kernel_file
from dataset_converters.physics.conversion import Conversion, conversion_between
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.records import CtImage
from dataset_converters.variants.emulated_kernel import make_variant

PAIR = FittedPair("L", "B", "Philips", 0.8)


def content(folder: Path) -> dict[str, Any]:
    path = folder / "good.json"
    write_kernel_file(path, conversion_between(KERNELS["B30f"], KERNELS["B50f"]), facts={}, pair=PAIR)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def scaled(name: str, factor: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda good: {name: [good[name][0], *(factor * value for value in good[name][1:])]}


BAD: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "huge gain": (scaled("gain", 1e300), "a gain from"),
    "negative gain": (scaled("gain", -50.0), "a gain from"),
    "huge noise": (scaled("added_noise", 1e300), "noise power that is not 0 to"),
    "loud noise": (scaled("added_noise", 1e4), "times the source's SD"),
    "negative noise": (scaled("added_noise", -1.0), "noise power that is not 0 to"),
    "silent source": (scaled("source_noise", 0.0), "source noise that is 0 everywhere"),
    "tiny frequencies": (scaled("frequency_per_mm", 1e-6), "frequencies that end at"),
    "lp/cm frequencies": (scaled("frequency_per_mm", 10.0), "frequencies that end at 300 lp/cm"),
    "integer too large": (lambda good: {"gain": [1, *good["gain"][1:-1], 10**3000]}, "no numbers"),
    "band not finite": (lambda good: {"valid_per_mm": [float("nan"), float("inf")]}, "a valid_per_mm"),
    "band falling": (lambda good: {"valid_per_mm": [0.5, 0.1]}, "a valid_per_mm"),
    "band of a shifted pair": (lambda good: {"valid_per_mm": [0.019, 0.037]}, "ends at 0.37 lp/cm"),
    "folded as text": (lambda good: {"folded": "false"}, "a folded that is not true or false"),
    "name of a person": (lambda good: {"target": 'Name: Mustermann\n\x1b[31m../"'}, "names of other than short plain"),
    "name of a date": (lambda good: {"source": "L 20070404"}, "names of other than short plain"),
    "long name": (lambda good: {"source": "L" * 65}, "names of other than short plain"),
    "kernel of a person": (lambda good: {"facts": {"source_kernel": "Mustermann^Max"}}, "a source_kernel of"),
    "pixels of text": (lambda good: {"facts": {"pixel_mm": "Mustermann"}}, "a pixel_mm that is no number"),
    "facts no table": (lambda good: {"facts": ["Mustermann"]}, "facts that are no table"),
    "another format": (lambda good: {"format": "Mustermann"}, "JSON of another format"),
}


@pytest.mark.parametrize("case", BAD)
def test_content_that_no_pair_has(case: str, tmp_path: Path) -> None:
    change, found = BAD[case]
    good = content(tmp_path)
    refused(tmp_path, json.dumps(good | change(good)).encode(), found)


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b"[" * 100000, "no JSON"), (b"\xff\xfe{}", "no JSON"), (b"[1]", "JSON of another format"), (b"9" * 9999, "JSON")],
)
def test_text_that_is_no_kernel_file(raw: bytes, found: str, tmp_path: Path) -> None:
    refused(tmp_path, raw, found)


def refused(folder: Path, raw: bytes, found: str) -> None:
    path = folder / "MUSTERMANN.json"
    path.write_bytes(raw)
    with pytest.raises(ConversionError, match=found) as caught:
        read_kernel_file(path)
    assert "mustermann" not in str(caught.value).lower()
    assert "wanted a kernel file" in str(caught.value)


def test_pipe_and_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConversionError, match="a folder, pipe or device"):
            read_kernel_file(path)


def test_gain_fades_out_beyond_the_table(tmp_path: Path) -> None:
    """Of a table that ends with a gain of 3 at 8 lp/cm nothing is left at 9: smaller pixels hold more than it tells."""
    f = np.linspace(0.0, 0.8, 41)
    conversion = Conversion("a", "b", f, 1.0 + 2.5 * f, np.ones(41), np.zeros(41), (0.02, 0.6), folded=True)
    path = tmp_path / "pair.json"
    write_kernel_file(path, conversion, facts={})
    read = read_kernel_file(path)
    assert read.gain[:41] == pytest.approx(conversion.gain)
    assert (np.diff(read.frequency_per_mm) > 0).all()
    at = dict(zip(np.round(read.frequency_per_mm, 3), read.gain, strict=True))
    assert (at[0.8], at[0.84]) == (pytest.approx(3.0), pytest.approx(1.5))
    assert read.gain[-1] == pytest.approx(0.0, abs=1e-12)
    assert read.frequency_per_mm[-1] == pytest.approx(0.88)
    assert read.source_noise[-1] == pytest.approx(0.0, abs=1e-12)


def image(pixel_mm: float = 0.8, **facts: str) -> CtImage:
    values = np.random.default_rng(2).normal(-400, 300, (3, 40, 36)).clip(-1024, 1500).astype(np.int16)
    values[0, 0, :2] = -1000, 900
    made = sitk.GetImageFromArray(values)
    made.SetSpacing((pixel_mm, pixel_mm, 3.0))
    return CtImage(made, facts)


def emulated(folder: Path, given: CtImage, *, pair: FittedPair = PAIR, **options: Any) -> CtImage:
    path = folder / "pair.json"
    write_kernel_file(path, conversion_between(KERNELS["B70f"], KERNELS["B30f"]), facts={}, pair=pair)
    return make_variant("toy", kernel_file=str(path), **options)(given, "P1")


def doubts(made: CtImage) -> dict[str, str]:
    assert fact_fault(made.facts) is None
    return {name: text for name, text in made.facts.items() if name in ("doubt_kernel_source", "doubt_pixel_size")}


def test_images_like_those_of_the_pair(tmp_path: Path) -> None:
    assert read_fitted_file_of(tmp_path).pair == PAIR
    assert doubts(emulated(tmp_path, image(kernel="L", manufacturer="Philips"))) == {}
    assert doubts(emulated(tmp_path, image(0.85, kernel="l", manufacturer="PHILIPS MEDICAL SYSTEMS"))) == {}
    again = image(kernel="B70f", manufacturer="Philips")  # as an image is called that was itself emulated
    assert doubts(emulated(tmp_path, again)) == {}


def read_fitted_file_of(folder: Path) -> Any:
    content(folder)
    return read_fitted_file(folder / "good.json")


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (
            {"kernel": "YA", "manufacturer": "Philips"},
            "an image of kernel YA, manufacturer Philips; wanted L of Philips",
        ),
        ({"kernel": "L", "manufacturer": "SIEMENS"}, "an image of kernel L, manufacturer SIEMENS; wanted L of Philips"),
        ({}, "an image of kernel none known, manufacturer none known; wanted L of Philips"),
        ({"kernel": "unlisted"}, "an image of kernel none known"),
    ],
)
def test_images_of_another_kernel_or_maker(facts: dict[str, str], found: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=f"{found}.*give any_source = true"):
        emulated(tmp_path, image(**facts))
    made = emulated(tmp_path, image(**facts), any_source=True)
    assert doubts(made) == {"doubt_kernel_source": "fitted on L of Philips, not on this kernel"}


def test_what_is_not_known_or_of_other_pixels_is_doubted(tmp_path: Path) -> None:
    unknown = {"doubt_kernel_source": "not known whether fitted on this kernel and maker"}
    assert doubts(emulated(tmp_path, image(kernel="L"))) == unknown
    assert doubts(emulated(tmp_path, image(kernel="L", manufacturer="Philips"), pair=FittedPair())) == unknown
    found = doubts(emulated(tmp_path, image(0.6, kernel="L", manufacturer="Philips")))
    assert found == {"doubt_pixel_size": "0.6 mm, kernel file fitted at 0.8 mm"}


@pytest.mark.parametrize("options", [{"any_source": 1, "kernel_file": "x"}, {"any_source": True, "target": "B30f"}])
def test_any_source_without_use(options: dict[str, Any]) -> None:
    with pytest.raises(ConversionError, match="an any_source that has no use"):
        make_variant("toy", **options)
