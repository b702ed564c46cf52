"""``kernel-fit`` and ``sharpness``: what a reconstruction kernel did, measured in the images."""

import argparse
import sys
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.atomic import write_text
from dataset_converters.commands.usage import UsageError
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.ct_source import read_ct
from dataset_converters.kernels.fitted_pair import FittedPair
from dataset_converters.kernels.image_checks import cut_off_fault, geometry_fault, image_doubts, unit_fault
from dataset_converters.kernels.image_size import size_fault
from dataset_converters.kernels.kernel_file import replaceable_fault, write_kernel_file
from dataset_converters.kernels.kernel_file_checks import is_plain_name
from dataset_converters.physics.kernel_fit import FitError, fit_conversion
from dataset_converters.physics.sharpness import MUCH_TISSUE, NO_TISSUE, Sharpness, sharpness_index
from dataset_converters.physics.transfer_ratio import TransferRatio
from dataset_converters.privacy.unexpected import error_place
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import grid_difference, grid_of

_COLUMNS = (
    *("image", "kernel", "sharpness_lp_per_cm", "standard_error", "nearest_fitted_kernel", "slices", "basis"),
    *(f"{border}_{what}" for border in ("lung", "skin") for what in ("rise_mm", "rise_standard_error_mm", "edges")),
)
_KEPT_FACTS = ("model", "kvp", "slice_thickness_mm")


def add_kernel_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``kernel-fit`` takes."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of a DICOM series, or a volume file")
    parser.add_argument("target", type=Path, metavar="TARGET", help="the same acquisition with the kernel to emulate")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="kernel file (JSON) to write")
    parser.add_argument("--slices", metavar="A:B", default=":", help="use slices A to B-1, counted from 0; default all")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write ratio, coherence and noise power there too")


def add_sharpness_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``sharpness`` takes."""
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="DICOM folders or volume files")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use each N-th slice")


def kernel_fit_command(options: argparse.Namespace) -> int:
    """Write the conversion between the kernels of a pair; say over which band it holds."""
    if found := replaceable_fault(options.out):
        raise UsageError(f"--out {options.out}: found {found}; wanted a new file, or a kernel file to replace")
    source, target = read_ct(options.source), read_ct(options.target)
    if difference := grid_difference(grid_of(source.image), grid_of(target.image)):
        raise UsageError(f"target: found {difference[0]}; wanted the source's {difference[1]}")
    for name, image in (("source", source), ("target", target)):
        _refuse(
            name,
            size_fault(image.image)
            or geometry_fault(image.image)
            or cut_off_fault(sitk.GetArrayViewFromImage(image.image)),
        )
        _warn(name, image)
    chosen = _slices(options.slices, source.image.GetDepth())
    first, second = (sitk.GetArrayViewFromImage(image.image)[chosen] for image in (source, target))
    names = (_name(source, "source"), _name(target, "target"))
    try:
        conversion, ratio = fit_conversion(first, second, _pixel_mm(source), names=names)
    except FitError as error:
        raise UsageError(f"found {error.found}; wanted {error.wanted}") from error
    facts: dict[str, str | float] = {name: source.facts[name] for name in _KEPT_FACTS if name in source.facts}
    facts |= {"slices": len(first), "tiles": ratio.tiles}
    write_kernel_file(options.out, conversion, facts=facts, pair=_pair(source, target))
    if options.csv is not None:
        write_text(options.csv, _ratio_csv(ratio))
    low, high = (10 * edge for edge in conversion.valid_per_mm)
    noise = "adds noise" if conversion.adds_noise else "adds no noise"
    print(f"{options.out}: {names[0]} to {names[1]}, coherence above 0.9 from {low:.2f} to {high:.2f} lp/cm; {noise}")
    return 0


def sharpness_command(options: argparse.Namespace) -> int:
    """Print the sharpness of each image; return 1 if one of them has none."""
    if options.every < 1:
        raise UsageError(f"found --every {options.every}; wanted 1 or more")
    print(",".join(_COLUMNS))
    missing = 0
    for number, path in enumerate(options.images, start=1):
        try:
            missing += _print_sharpness(path, f"image {number}", options.every)
        except (ConversionError, ConversionErrors, UsageError) as error:
            print(f"image {number}: {error}", file=sys.stderr)
            missing += 1
        except Exception as error:  # one image never ends the others; its text may quote what a file holds
            place = error_place(error)
            print(f"image {number}: found {type(error).__name__} {place}; wanted none; report it", file=sys.stderr)
            missing += 1
    return 1 if missing else 0


def _print_sharpness(path: Path, name: str, every: int) -> bool:
    """Print the row of an image; return whether its sharpness is missing."""
    image = read_ct(path)
    volume = sitk.GetArrayViewFromImage(image.image)
    _refuse("CT", size_fault(image.image) or geometry_fault(image.image) or unit_fault(volume))
    if cut := cut_off_fault(volume):
        print(f"{name}: warning: {cut[0]}; wanted {cut[1]}", file=sys.stderr)
    _warn(name, image)
    found = sharpness_index(volume, _pixel_mm(image), every=every)
    if found.basis != MUCH_TISSUE:
        effect = "no index" if found.basis == NO_TISSUE else "a less certain index"
        print(f"{name}: too little soft tissue: {effect}", file=sys.stderr)
    print(f"{path},{image.facts.get('kernel', '')},{_row(found)}")
    return found.basis == NO_TISSUE


def _row(found: Sharpness) -> str:
    index = (f"{found.index_lp_per_cm:.3f}", f"{found.standard_error:.3f}")
    cells = [*index, found.nearest, str(found.slices), found.basis]
    for edge in (found.lung_edge, found.skin_edge):
        cells += [f"{edge.rise_mm:.3f}", f"{edge.standard_error_mm:.3f}", str(edge.segments)]
    return ",".join(cells)


def _refuse(name: str, fault: tuple[str, str] | None) -> None:
    if fault is not None:
        raise UsageError(f"{name}: found {fault[0]}; wanted {fault[1]}")


def _warn(name: str, image: CtImage) -> None:
    for doubt, found in image_doubts(image.image, sitk.GetArrayViewFromImage(image.image), image.facts).items():
        print(f"{name}: warning: {doubt.removeprefix('doubt_').replace('_', ' ')}: {found}", file=sys.stderr)


def _slices(text: str, depth: int) -> slice:
    first, separator, last = text.partition(":")
    try:
        chosen = slice(int(first or 0), int(last or depth))
    except ValueError:
        chosen = slice(0, 0)
    if not separator or not 0 <= chosen.start < chosen.stop <= depth:
        raise UsageError(f"found --slices {text}; wanted A:B with 0 <= A < B <= {depth}")
    return chosen


def _name(image: CtImage, otherwise: str) -> str:
    name = " ".join(image.facts[name] for name in ("manufacturer", "kernel") if image.facts.get(name))
    return name if is_plain_name(name) else otherwise


def _pair(source: CtImage, target: CtImage) -> FittedPair:
    found = (source.facts.get("kernel", ""), target.facts.get("kernel", ""), source.facts.get("manufacturer", ""))
    kernel, other, maker = (text if is_plain_name(text) else "" for text in found)
    return FittedPair(kernel, other, maker, round(_pixel_mm(source)[0], 4))


def _pixel_mm(image: CtImage) -> tuple[float, float]:
    spacing = image.image.GetSpacing()
    return spacing[1], spacing[0]


def _ratio_csv(ratio: TransferRatio) -> str:
    rows = zip(
        ratio.frequency_per_mm, ratio.ratio, ratio.coherence, ratio.source_power, ratio.target_power, strict=True
    )
    lines = (",".join(f"{value:.6g}" for value in row) for row in rows)
    return "\n".join(["frequency_per_mm,ratio,coherence,source_power,target_power", *lines]) + "\n"
