"""The converters' command line: which commands there are, and what is printed when one fails."""

import argparse
import sys
from collections.abc import Callable, Sequence

from dataset_converters.atomic import DiskFullError
from dataset_converters.commands.convert_command import add_convert_arguments, convert_command
from dataset_converters.commands.inspect_commands import (
    add_check_arguments,
    add_pairs_arguments,
    add_survey_arguments,
    check_command,
    pairs_command,
    survey_command,
)
from dataset_converters.commands.kernel_commands import (
    add_kernel_fit_arguments,
    add_sharpness_arguments,
    kernel_fit_command,
    sharpness_command,
)
from dataset_converters.commands.show_command import list_command, show_command
from dataset_converters.commands.usage import UsageError
from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.unexpected import error_place
from dataset_converters.registry import RegistryError


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one clear message on standard error."""
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(options.command(options))
    except (ConversionError, ConversionErrors, RegistryError, UsageError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(_system_text(error, vars(options)), file=sys.stderr)
    except Exception as error:  # its text may quote what a file holds
        print(f"found {type(error).__name__} {error_place(error)}; wanted none; report it", file=sys.stderr)
    return 1


def _joined(arguments: Sequence[str]) -> list[str]:
    """Join ``--slices -5:``, whose value argparse would take for an option and not name."""
    joined: list[str] = []
    for argument in arguments:
        if joined[-1:] == ["--slices"]:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataset_converters",
        description="Show the datasets, convert one, look for kernel pairs, check the result.",
    )
    commands = parser.add_subparsers(required=True)

    def add(name: str, text: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    add("list", "the datasets there are", list_command)
    showing = add("show", "how to obtain one dataset, its layout, labels, faults and options", show_command)
    showing.add_argument("dataset", metavar="NAME", help="name of a dataset file, see list")
    add_convert_arguments(add("convert", "convert one dataset to nnU-Net raw format", convert_command))
    add_check_arguments(add("check", "find what nnU-Net would not notice in a raw dataset", check_command))
    add_pairs_arguments(add("pairs", "find sharp and soft reconstructions of one acquisition", pairs_command))
    add_survey_arguments(add("survey", "say of every file what it is and whether it can be read", survey_command))
    fitting = add("kernel-fit", "measure the conversion between two kernels of one acquisition", kernel_fit_command)
    add_kernel_fit_arguments(fitting)
    add_sharpness_arguments(add("sharpness", "measure how sharp images are, in line pairs per cm", sharpness_command))
    return parser


def _system_text(error: OSError, given: dict[str, object]) -> str:
    """Return what the system says; a path is shown only if the user gave it, for others may name a person."""
    text = error.strerror or type(error).__name__
    if isinstance(error, DiskFullError):
        return text
    shown = str(error.filename) in {str(value) for value in given.values()}
    return f"{error.filename}: {text}" if shown else f"{text} {error_place(error)}"
