"""``python -m dataset_converters``: list the datasets, convert one, check an nnU-Net dataset."""

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_converters.check import check_nnunet_raw
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.registry import RegistryError, list_datasets
from dataset_converters.writer import convert

_SPEC_KEYS = {"converter", "root", "out", "nnunet_name", "dataset_id", "training_reader", "options", "exclude"}


class UsageError(Exception):
    """An argument or a spec file is wrong; the message says what was found and wanted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one clear message on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (ConversionError, ConversionErrors, RegistryError, UsageError, OSError) as error:
        print(_one_text(error), file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; finished cases are kept, run the same command again", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dataset_converters", description=__doc__)
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="the datasets there are")
    listing.set_defaults(command=_list)
    converting = commands.add_parser("convert", help="convert one dataset to nnU-Net raw format")
    converting.add_argument("dataset", nargs="?", help="name of a dataset file")
    converting.add_argument("root", nargs="?", type=Path, help="folder of the source files")
    converting.add_argument("out", nargs="?", type=Path, help="folder that gets nnUNet_raw and annotations")
    converting.add_argument("--spec", type=Path, help=f"JSON file with the keys {', '.join(sorted(_SPEC_KEYS))}")
    converting.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="a TOML value")
    converting.add_argument("--name", default=None, help="nnU-Net name; default: the dataset's")
    converting.add_argument("--id", type=int, default=None, help="nnU-Net id; default: the dataset's")
    converting.add_argument("--training-reader", default="", help="whose annotation is trained on; default: the first")
    converting.add_argument("--exclude", action="append", default=[], metavar="CASE=REASON", help="leave a case out")
    converting.set_defaults(command=_convert)
    checking = commands.add_parser("check", help="find what nnU-Net would not notice in a raw dataset")
    checking.add_argument("folder", type=Path, help="nnUNet_raw/Dataset...")
    checking.add_argument("--annotations", type=Path, default=None, help="the readers' masks: annotations/Dataset...")
    checking.set_defaults(command=_check)
    return parser


def _list(options: argparse.Namespace) -> int:
    for module in list_datasets():
        info = module.DATASET
        print(f"{info.name} ({info.dataset_id}): {info.title}")
        print(f"    {info.licence}; access: {info.access}")
        print(f"    labels: {', '.join(name for name in info.labels if name != 'background')}")
        print(f"    variants: {', '.join(f'{name} ({kind})' for name, kind in info.variants.items())}")
        for option, meaning in info.options.items():
            print(f"    --option {option}=...  {meaning}")
    return 0


def _convert(options: argparse.Namespace) -> int:
    given = [options.dataset, options.root, options.out]
    if options.spec is not None:
        if any(part is not None for part in given):
            raise UsageError("found --spec and NAME ROOT OUT; wanted one of the two")
        spec = _read_spec(options.spec)
    elif any(part is None for part in given):
        raise UsageError("found an incomplete command; wanted NAME ROOT OUT, or --spec FILE.json")
    else:
        spec = {
            "converter": options.dataset,
            "root": options.root,
            "out": options.out,
            "nnunet_name": options.name,
            "dataset_id": options.id,
            "training_reader": options.training_reader,
            "options": _toml_options(options.option),
            "exclude": dict(_key_and_value(entry, "--exclude CASE=REASON") for entry in options.exclude),
        }
    out = Path(spec.pop("out"))
    folder = convert(spec.pop("converter"), Path(spec.pop("root")), out, **spec)
    cases = json.loads((out / "annotations" / folder.name / "cases.json").read_text(encoding="utf-8"))
    for note in cases["notes"]:
        print(f"{folder.name}: note: {note}", file=sys.stderr)
    images = sum(len(case["variants"]) for case in cases["cases"])
    print(f"{folder}: {len(cases['cases'])} cases, {images} images, {len(cases['excluded'])} cases excluded")
    return 0


def _read_spec(path: Path) -> dict[str, Any]:
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: found no JSON ({error}); wanted a spec file") from error
    if not isinstance(spec, dict) or not {"converter", "root", "out"} <= set(spec) <= _SPEC_KEYS:
        found = sorted(spec) if isinstance(spec, dict) else type(spec).__name__
        raise UsageError(f"{path}: found {found}; wanted converter, root, out and any of {sorted(_SPEC_KEYS)}")
    spec["dataset_id"] = spec.get("dataset_id") or None
    spec["nnunet_name"] = spec.get("nnunet_name") or None
    return spec


def _toml_options(entries: Sequence[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for entry in entries:
        key, value = _key_and_value(entry, "--option KEY=VALUE")
        try:
            options[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            wanted = f'a TOML value: 3, [1, 2], true or "text" (in a shell: --option \'{key}="text"\')'
            raise UsageError(f"--option {key}: found {value!r}; wanted {wanted}") from None
    return options


def _key_and_value(entry: str, wanted: str) -> tuple[str, str]:
    key, separator, value = entry.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"found {entry!r}; wanted {wanted}")
    return key.strip(), value


def _check(options: argparse.Namespace) -> int:
    findings = check_nnunet_raw(options.folder, annotations=options.annotations)
    for finding in findings:
        print(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"{options.folder}: {errors} errors, {len(findings) - errors} warnings", file=sys.stderr)
    return 1 if errors else 0


def _one_text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
