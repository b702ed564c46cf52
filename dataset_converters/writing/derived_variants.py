"""Variants made from the images of a dataset: added to its cases before anything is written."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dataset_converters.variants
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage, DatasetInfo
from dataset_converters.writing.case_checks import IDENTIFIER
from dataset_converters.writing.option_files import OptionFileError, with_files_found

_OWN_KEYS = ("name", "variant", "of")


def add_variants(
    info: DatasetInfo, cases: Sequence[Case], entries: Sequence[Mapping[str, Any]], *, root: Path
) -> tuple[DatasetInfo, tuple[Case, ...]]:
    """Return the dataset and its cases with the variants of every entry; annotations stay as they are.

    Parameters
    ----------
    entries : sequence of mapping
        ``name`` of the new variant, ``variant`` (a file of ``dataset_converters/variants``), ``of`` (the variant it is
        made from; cases without that variant get none), and the options of the file. Relative paths in options that
        end in ``_file`` or ``_mtf`` count from the working directory, or else from ``root``, the source folder.

    Raises
    ------
    ConversionError
        An unknown file, option or variant, a name that is taken, or a file that is in neither folder.
    """
    variants = dict(info.variants)
    made = tuple(cases)
    for entry in entries:
        name, of = str(entry.get("name", "")), str(entry.get("of", ""))
        module = _variant_file(info, str(entry.get("variant", "")))
        if not IDENTIFIER.fullmatch(name) or name in variants:
            raise _fault(info, f"a derived variant named {name!r}", "a new name of letters, digits and '_'")
        if of not in info.variants:
            raise _fault(info, f"a derived variant of {of!r}", f"one of {', '.join(info.variants)}")
        make = _maker(info, module, entry, root)
        variants[name] = module.KIND
        made = tuple(_with_variant(case, name, of, make) for case in made)
    return replace(info, variants=variants), made


def _variant_file(info: DatasetInfo, name: str) -> Any:
    names = sorted(found.name for found in pkgutil.iter_modules(dataset_converters.variants.__path__))
    if name not in names:
        raise _fault(info, f"a derived variant of kind {name!r}", f"one of {', '.join(names)}")
    return importlib.import_module(f"{dataset_converters.variants.__name__}.{name}")


def _maker(info: DatasetInfo, module: Any, entry: Mapping[str, Any], root: Path) -> Callable[[CtImage, str], CtImage]:
    options = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    unknown = sorted(set(options) - set(module.OPTIONS))
    if unknown:
        known = "; ".join(f"{key}: {meaning}" for key, meaning in module.OPTIONS.items())
        raise _fault(info, f"options {', '.join(unknown)} of a derived variant", known)
    try:
        options = with_files_found(options, (("in the working directory", Path.cwd()), ("in the source folder", root)))
    except OptionFileError as error:
        raise _fault(info, str(error), "a file in one of the two, or an absolute path") from None
    made: Callable[[CtImage, str], CtImage] = module.make_variant(info.name, **options)
    return made


def _with_variant(case: Case, name: str, of: str, make: Callable[[CtImage, str], CtImage]) -> Case:
    if of not in case.images:
        return case
    return replace(case, images={**case.images, name: partial(_load, case.images[of], make, case.case)})


def _load(load: Callable[[], CtImage], make: Callable[[CtImage, str], CtImage], case: str) -> CtImage:
    return make(load(), case)


def _fault(info: DatasetInfo, found: str, wanted: str) -> ConversionError:
    return ConversionError(info.name, "", found=found, wanted=wanted, action="correct the entry under derive")
