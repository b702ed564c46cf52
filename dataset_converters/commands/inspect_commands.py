"""``check``, ``pairs`` and ``survey``: look at data without converting it."""

import argparse
import sys
from pathlib import Path

from dataset_converters.atomic import write_text
from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.commands.usage import UsageError
from dataset_converters.kernels.names import load_kernel_table


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``check`` takes."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="nnUNet_raw/Dataset...")
    parser.add_argument("--annotations", type=Path, metavar="DIR", help="default: annotations/Dataset... beside it")
    parser.add_argument("--report", type=Path, metavar="OUT", help="write anatomy tables and contact sheets there")


def add_pairs_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``pairs`` takes."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of DICOM files")
    parser.add_argument("--kernel-table", type=Path, metavar="FILE", help="TOML laid over kernel_table.toml")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table there too")


def add_survey_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``survey`` takes."""
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="images and masks of any kind")
    parser.add_argument("--show-names", action="store_true", help="for published data, whose names identify nobody")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table there too")


def check_command(options: argparse.Namespace) -> int:
    """Print what is wrong or doubtful in a dataset; return 1 if anything is wrong, in the files or in the anatomy."""
    annotations = options.annotations or _annotations_beside(options.folder)
    findings = check_nnunet_raw(options.folder, annotations=annotations)
    for finding in findings:
        print(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"{options.folder}: {errors} errors, {len(findings) - errors} warnings", file=sys.stderr)
    if options.report is not None:
        from dataset_converters.anatomy.report import write_report

        written = write_report(options.folder, annotations, options.report)
        print(written.page)
        counts = f"{written.errors} images with errors, {written.warnings} with warnings"
        print(f"anatomy: {counts}", file=sys.stderr)
        errors += written.errors
    return 1 if errors else 0


def pairs_command(options: argparse.Namespace) -> int:
    """Print which series of each study are the sharp and the soft one."""
    folder = _folder(options.folder)
    from dataset_converters.kernels.pair_table import format_pairs, list_pairs, pairs_to_csv

    pairs = list_pairs(folder, table=load_kernel_table(options.kernel_table))
    print(format_pairs(pairs))
    if options.csv is not None:
        write_text(options.csv, pairs_to_csv(pairs))
    return 0


def survey_command(options: argparse.Namespace) -> int:
    """Print what every file is and whether it can be read."""
    folders = [_folder(folder) for folder in options.folders]
    from dataset_converters.survey.survey import format_survey, survey, write_survey

    rows = survey(*folders, show_names=options.show_names)
    print(format_survey(rows))
    if options.csv is not None:
        write_survey(options.csv, rows)
    return 0


def _annotations_beside(folder: Path) -> Path | None:
    """Return where a conversion of ours puts the readers' masks, None if it is not there."""
    found = folder.absolute().parent.parent / "annotations" / folder.absolute().name
    return found if (found / "cases.json").is_file() else None


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise UsageError(f"{folder}: found no such folder; wanted one that holds the files")
    return folder
