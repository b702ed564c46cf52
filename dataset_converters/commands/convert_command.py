"""``convert``: one collection to nnU-Net raw format, or with ``--dry-run`` what that would do."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataset_converters.atomic import DiskFullError
from dataset_converters.commands.plan_text import format_plan
from dataset_converters.commands.usage import SPEC_KEYS, UsageError, key_and_value, read_spec, toml_options, toml_table
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.writing.case_checks import IDENTIFIER
from dataset_converters.writing.conversion_plan import plan_conversion
from dataset_converters.writing.header_checks import header_faults
from dataset_converters.writing.writer import convert

_SHOWN = 3


def add_convert_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``convert`` takes."""
    parser.add_argument("dataset", nargs="?", metavar="NAME", help="name of a dataset file, see list")
    parser.add_argument("root", nargs="?", type=Path, metavar="IN", help="as --in")
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT", help="as --out")
    parser.add_argument("--in", dest="source", type=Path, metavar="DIR", help="folder of the source files")
    parser.add_argument("--out", dest="target", type=Path, metavar="DIR", help="gets nnUNet_raw and annotations")
    parser.add_argument("--dry-run", action="store_true", help="list cases and problems without reading pixels")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="cases converted side by side")
    parser.add_argument("--link", action="store_true", help="list NIfTI sources by their path instead of copying")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="text, number or TOML list, see show"
    )
    parser.add_argument("--name", default=None, help="nnU-Net name; default: the dataset's")
    parser.add_argument("--id", type=int, default=None, help="nnU-Net id; default: the dataset's")
    parser.add_argument("--training-reader", default="", help="whose annotation is trained on; default: the first")
    parser.add_argument(
        "--derive",
        action="append",
        default=[],
        metavar="TABLE",
        help='a variant made from another, \'{name="MKe", variant="emulated_kernel", of="LK", target="B30f"}\';'
        " files it names lie relative to the working directory, or else the source folder",
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="CASE=REASON", help="leave a case out")
    parser.add_argument("--spec", type=Path, help=f"JSON file with the keys {', '.join(sorted(SPEC_KEYS))}")


def convert_command(options: argparse.Namespace) -> int:
    """Convert, or say what that would do; return 1 if problems stand against it."""
    spec = _settings(options)
    name, root = spec.pop("converter"), Path(spec.pop("root"))
    out = Path(spec.pop("out")) if spec["out"] is not None else spec.pop("out")
    if options.dry_run:
        return _print_plan(name, root, out, spec)
    try:
        folder = convert(name, root, out, **spec)
    except (ConversionError, ConversionErrors) as error:
        print(error, file=sys.stderr)
        _print_exclusions(name, error, spec)
        return 1
    except OSError as error:
        raise _output_fault(out, root, error) from None
    cases = json.loads((out / "annotations" / folder.name / "cases.json").read_text(encoding="utf-8"))
    for note in cases["notes"]:
        print(f"{folder.name}: note: {note}", file=sys.stderr)
    images = sum(len(case["variants"]) for case in cases["cases"])
    print(f"{folder}: {len(cases['cases'])} cases, {images} images, {len(cases['excluded'])} cases excluded")
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    root, out = _one(options.root, options.source, "--in"), _one(options.out, options.target, "--out")
    if options.spec is not None:
        if any(part is not None for part in (options.dataset, root, out)):
            raise UsageError("found --spec and NAME, --in or --out; wanted one of the two")
        return read_spec(options.spec)
    if options.dataset is None or root is None or (out is None and not options.dry_run):
        raise UsageError("found an incomplete command; wanted NAME --in DIR --out DIR, or --spec FILE.json")
    if options.workers < 1:
        raise UsageError(f"found --workers {options.workers}; wanted 1 or more")
    return {
        "converter": options.dataset,
        "root": root,
        "out": out,
        "nnunet_name": options.name,
        "dataset_id": options.id,
        "training_reader": options.training_reader,
        "options": toml_options(options.option),
        "exclude": dict(key_and_value(entry, "--exclude CASE=REASON") for entry in options.exclude),
        "derive": [toml_table(entry) for entry in options.derive],
        "workers": options.workers,
        "link": options.link,
    }


def _one(positional: Path | None, named: Path | None, option: str) -> Path | None:
    if positional is not None and named is not None:
        raise UsageError(f"found {option} and the same folder without it; wanted one of the two")
    return positional if named is None else named


def _print_plan(name: str, root: Path, out: Path | None, spec: dict[str, Any]) -> int:
    link, _ = bool(spec.pop("link", False)), spec.pop("workers", None)
    plan = plan_conversion(name, root, out, **spec)
    faults, inspected = header_faults(plan.cases)
    plan = replace(plan, problems=(*plan.problems, *faults))
    print(format_plan(plan, root, out, link=link, inspected=inspected))
    for problem in plan.problems[:1]:
        group = ConversionErrors(name, plan.problems) if len(plan.problems) > 1 else problem
        _print_exclusions(name, group, spec)
    return 1 if plan.problems else 0


def _print_exclusions(name: str, error: ConversionError | ConversionErrors, spec: dict[str, Any]) -> None:
    """Say how the faulty cases are left out, ready to copy."""
    faults = error.exceptions if isinstance(error, ConversionErrors) else (error,)
    cases = dict.fromkeys(fault.case for fault in faults if fault.dataset == name and IDENTIFIER.fullmatch(fault.case))
    faulty = [case for case in cases if case not in (spec.get("exclude") or {})]
    if faulty:
        flags = " ".join(f"--exclude '{case}=reason'" for case in faulty[:_SHOWN])
        more = " ..." if len(faulty) > _SHOWN else ""
        print(f"to leave faulty cases out, with your reason: {flags}{more}", file=sys.stderr)


def _output_fault(out: Path, root: Path, error: OSError) -> Exception:
    """Return what to say if the output folder cannot be written to, else the error itself."""
    place = Path(str(error.filename or "")).absolute()
    below = place.is_relative_to(out.absolute()) and not place.is_relative_to(root.absolute())
    if isinstance(error, DiskFullError) or not error.filename or not below:
        return error
    found = error.strerror or type(error).__name__
    return UsageError(f"{out}: found {found}; wanted a folder that can be written to; give another --out")
