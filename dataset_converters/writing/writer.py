"""A source collection to an nnU-Net raw dataset and its readers' annotations, whole or resumable.

``dataset.json`` and ``cases.json`` are written last: where they are, the dataset is whole.
"""

import contextlib
import sys
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_converters.conversion_errors import raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.writing.case_outcome import Outcome, attempt_case, lost_case
from dataset_converters.writing.case_writer import finished_record
from dataset_converters.writing.conversion_plan import ConversionPlan, plan_conversion
from dataset_converters.writing.listings import write_listings
from dataset_converters.writing.output_folder import only_writer, remove_leftovers
from dataset_converters.writing.provenance import conversion_basis
from dataset_converters.writing.shown_options import shown_options
from dataset_converters.writing.target import Target
from dataset_converters.writing.workers import Lost, work_in_processes


def convert(
    name: str,
    root: Path,
    out: Path,
    *,
    nnunet_name: str | None = None,
    dataset_id: int | None = None,
    training_reader: str = "",
    options: Mapping[str, Any] | None = None,
    exclude: Mapping[str, str] | None = None,
    derive: Sequence[Mapping[str, Any]] = (),
    workers: int = 1,
    link: bool = False,
    progress: bool = True,
) -> Path:
    """Convert a collection below ``root``; return the nnU-Net folder ``out/nnUNet_raw/Dataset<id>_<name>``.

    The readers' masks and ``cases.json`` go to ``out/annotations/Dataset<id>_<name>``. Run again after an
    interruption, it takes over every finished case whose files, options, code and source are unchanged; the result
    has the same bytes as an undisturbed run, whatever the number of workers. All faulty cases are reported together.

    Images go to ``imagesTr``, one label map a case to ``labels``; ``dataset.json`` lists both for every variant.
    Images that nobody annotated go to ``imagesTs`` and are listed under ``unlabelled``. ``splits_final.json`` divides
    the patients into five folds, those the source keeps for tests left out, for training with nnU-Net alone.

    An annotation without foreground is legal (a healthy patient) and noted in ``cases.json``; if it is so for
    every case that can be trained on, conversion fails. Labels on slices a reader did not annotate are cleared in that
    reader's mask, and noted. The label map holds the training reader's annotation
    (default: each case's first reader; test cases without that reader: their first), with ``ignore`` on
    slices that reader did not annotate and on voxels that reader left open.

    Parameters
    ----------
    name : str
        A dataset file.
    nnunet_name, dataset_id
        Default: those of the dataset file.
    options : mapping
        Keywords of the dataset's ``list_cases``.
    exclude : mapping
        Case to the reason it is left out.
    derive : sequence of mapping
        Variants to make from others, see `add_variants`; they share the case's label map.
    workers : int
        Processes that convert cases side by side; each holds the images of one case in memory.
    link : bool
        List source files that are NIfTI images already by their path instead of copying them. The dataset then
        depends on those files and shows how they are called.
    progress : bool
        Show a bar on standard error if that is a terminal.

    Raises
    ------
    RegistryError
        Unknown dataset.
    ConversionError, ConversionErrors
        One case, or several, cannot be converted; ``dataset.json`` is then absent.
    DiskFullError
        No room; finished cases are kept.
    """
    root, out = Path(root), Path(out)
    plan = plan_conversion(
        name,
        root,
        out,
        nnunet_name=nnunet_name,
        dataset_id=dataset_id,
        training_reader=training_reader,
        options=options,
        exclude=exclude,
        derive=derive,
    )
    raise_faults(plan.info.name, plan.problems)
    target = _target(plan, root, out, link=link)
    with only_writer(target):
        records = _converted_records(target, plan.cases, workers=workers, progress=progress)
        _refuse_empty(plan.info, records)
        write_listings(target, records, _shown_options(plan, root), plan.excluded, notes=plan.notes)
    return target.raw


def _shown_options(plan: ConversionPlan, root: Path) -> dict[str, Any]:
    derived = {"derive": [dict(entry) for entry in plan.derive]} if plan.derive else {}
    return shown_options({**plan.options, **derived}, root=root)


def _target(plan: ConversionPlan, root: Path, out: Path, *, link: bool) -> Target:
    basis = conversion_basis(plan.info, root, plan.options, plan.derive, without=out)
    return Target(out, plan.nnunet, plan.info, plan.training_reader, basis, link)


def _converted_records(target: Target, cases: Sequence[Case], *, workers: int, progress: bool) -> list[dict[str, Any]]:
    """Write what is missing, collect every fault, and return the records in the order of the cases."""
    records = {case.case: finished_record(target, case) for case in cases}
    pending = [case for case in cases if records[case.case] is None]
    wanted = {name for record in records.values() if record for name in record["files"]}
    remove_leftovers(target, wanted, keep_listings=not pending)
    bar: dict[str, Any] = {"desc": target.nnunet, "unit": "case", "file": sys.stderr}
    bar |= {"total": len(pending), "disable": None if progress else True}
    faults: dict[str, list[ConversionError]] = {}
    with contextlib.closing(_outcomes(target, pending, workers)) as outcomes:
        for case, outcome in tqdm(outcomes, **bar):
            if outcome.stop is not None:
                raise outcome.stop
            records[case.case] = outcome.record
            faults[case.case] = outcome.errors()
    raise_faults(target.info.name, [fault for case in pending for fault in faults[case.case]])
    return [record for record in records.values() if record is not None]


def _outcomes(target: Target, cases: Sequence[Case], workers: int) -> Generator[tuple[Case, Outcome], None, None]:
    """Yield every case with what became of it, as they are done."""
    if min(workers, len(cases)) <= 1:
        yield from ((case, attempt_case(target, case)) for case in cases)
        return
    work = partial(_attempt, target, cases)
    with contextlib.closing(work_in_processes(work, len(cases), workers=workers)) as results:
        for index, result in results:
            case = cases[index]
            yield case, lost_case(target, case, result) if isinstance(result, Lost) else result


def _attempt(target: Target, cases: Sequence[Case], index: int) -> Outcome:
    return attempt_case(target, cases[index])


def _refuse_empty(info: DatasetInfo, records: Sequence[Mapping[str, Any]]) -> None:
    trainable = [record["case"] for record in records if record["case"]["role"] != "test"]
    if trainable and all(case["readers"][case["training_reader"]]["empty"] for case in trainable):
        raise ConversionError(
            info.name,
            "",
            found=f"no foreground voxel in the training annotation of any of {len(trainable)} cases",
            wanted=f"some of {', '.join(name for name in info.labels if name != 'background')}",
            action="check the label map, the structure names and the training reader",
        )
