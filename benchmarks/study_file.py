"""A study file (TOML) to a ``Study``; unknown keys and names are errors that list the choices."""

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.configurations import check_configurations, complete_trainer
from benchmarks.equal_arms import check_equal_arms
from benchmarks.model_names import slug
from benchmarks.study import Study
from benchmarks.study_baselines import check_baselines, complete_baselines
from benchmarks.study_names import (
    IDENTIFIER,
    NAME,
    RESERVED,
    StudyError,
    inside,
    refuse_repeats,
    refuse_unknown,
    wanted_name,
)
from benchmarks.study_scoring import check_scoring
from benchmarks.study_tables import check_tables, complete_tables
from benchmarks.template_arms import check_template_arms, template_arms

PATCH_MULTIPLE = 32


def load_study(path: Path | str) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        If the file is not TOML, a key or name is unknown, a value has the wrong type, or names disagree.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: no such study file; give the path of a .toml file") from None
    except (IsADirectoryError, NotADirectoryError):
        raise StudyError(f"{path}: not a file; give the path of a .toml file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not a TOML file: {error}") from None
    try:
        return _checked(_complete(_record(Study, content, "")))
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None


def _record(kind: type, content: Any, where: str) -> Any:
    """Build a frozen dataclass from a TOML table, refusing unknown and missing keys."""
    if not isinstance(content, dict):
        raise StudyError(f"[{where}] found {type(content).__name__} {content!r}, wanted a table")
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for key in content:
        if key not in fields:
            raise StudyError(f"[{where}] unknown key {key!r}; the keys here are: {', '.join(sorted(fields))}")
    for name, entry in fields.items():
        required = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        if required and name not in content:
            raise StudyError(f"[{where}] key {name!r} is missing")
    return kind(**{key: _value(hints[key], value, f"{where}.{key}".strip(".")) for key, value in content.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """Convert one TOML value to the type of a field."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # a type or None, which TOML cannot write
        return _value(arguments[0], value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is not None and issubclass(_class_of(origin), Mapping):
        if not isinstance(value, dict):
            raise StudyError(f"[{where}] found {value!r}, wanted a table")
        items = {key: _value(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
        return types.MappingProxyType(items)
    if origin is Literal:
        if value not in arguments:
            raise StudyError(f"[{where}] found {value!r}, wanted one of: {', '.join(map(str, arguments))}")
        return value
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise StudyError(f"[{where}] found {value!r}, wanted {hint.__name__}")
    return value


def _class_of(origin: Any) -> type:
    return origin if isinstance(origin, type) else object


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise StudyError(f"[{where}] found {value!r}, wanted a list")
    if arguments[-1] is Ellipsis:
        return tuple(_value(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if len(value) != len(arguments):
        raise StudyError(f"[{where}] found {len(value)} values, wanted {len(arguments)}")
    return tuple(_value(hint, item, where) for hint, item in zip(arguments, value, strict=True))


def _complete(study: Study) -> Study:
    """Fill the defaults that depend on other keys."""
    names = tuple(entry.name for entry in study.datasets)
    datasets = tuple(
        dataclasses.replace(
            entry,
            converter=entry.converter or entry.name,
            folder=entry.folder or entry.name,
            label=entry.label or entry.name,
        )
        for entry in study.datasets
    )
    arms = tuple(
        made
        for arm in study.arms
        for made in template_arms(
            dataclasses.replace(
                arm, label=arm.label or arm.name, recipe=arm.recipe or arm.name, datasets=arm.datasets or names
            )
        )
    )
    test_sets = tuple(
        dataclasses.replace(entry, label=entry.label or entry.name, datasets=entry.datasets or names)
        for entry in study.test_sets
    )
    trainers = tuple(complete_trainer(entry) for entry in study.trainers)
    return dataclasses.replace(
        study,
        datasets=datasets,
        arms=arms,
        test_sets=test_sets,
        trainers=trainers,
        baselines=complete_baselines(study.baselines, arms, trainers),
        tables=complete_tables(study.tables),
    )


def _checked(study: Study) -> Study:
    """Refuse names that disagree, are used twice or cannot be file names."""
    if not NAME.fullmatch(study.name.replace("_", "-")):
        raise StudyError(f"[name] found {study.name!r}, wanted letters, digits, '-' and '_'")
    if not 900 <= study.dataset_id <= 999:
        raise StudyError(
            f"[dataset_id] found {study.dataset_id}, wanted 900 to 999, so that no source dataset collides"
        )
    for where in ("structures", "seeds", "budgets", "datasets", "arms", "trainers", "test_sets"):
        if not getattr(study, where):
            raise StudyError(f"[{where}] is empty; at least one entry is needed")
    for where in ("datasets", "arms", "trainers", "test_sets"):
        refuse_repeats(where, [entry.name for entry in getattr(study, where)])
    competitors = [arm.name for arm in study.arms] + [entry.name for entry in study.baselines]
    refuse_repeats("arms and baselines, as file names", [slug(name) for name in competitors])
    refuse_repeats("seeds", [str(seed) for seed in study.seeds])
    for entry in study.datasets:
        wanted_name("datasets", entry.name, IDENTIFIER)
        inside("datasets", entry.folder)
    for name in competitors:
        wanted_name("arms", name, NAME)
    for trainer in study.trainers:
        wanted_name("trainers", trainer.name, IDENTIFIER)
    _sensible_structures(study)
    _known_names(study)
    _one_arm_a_cell(study)
    _sensible_numbers(study)
    check_equal_arms(study)
    check_configurations(study)
    check_template_arms(study)
    check_scoring(study)
    check_baselines(study)
    check_tables(study)
    return study


def _sensible_structures(study: Study) -> None:
    for name, members in study.structures.items():
        wanted_name("structures", name, IDENTIFIER)
        if name in RESERVED or not members:
            raise StudyError(f"[structures] {name} = {list(members)}: wanted another name than {RESERVED} and a label")
    everything = [member for members in study.structures.values() for member in members]
    refuse_repeats("structures, which must be disjoint", everything)
    for seed in study.seeds:
        if not 0 <= seed < 2**31:
            raise StudyError(f"[seeds] found {seed}, wanted 0 to 2147483647")
    ids = [study.dataset_id, *(use.id for use in study.datasets if use.id)]
    for number in ids:
        if not 1 <= number <= 999 or ids.count(number) > 1:
            raise StudyError(f"[datasets.id] found {number} among {ids}, wanted different numbers from 1 to 999")
    for where, entries in (("arms", study.arms), ("test_sets", study.test_sets)):
        for name, variants in ((entry.name, entry.variants) for entry in entries):
            if not variants:
                raise StudyError(f"[{where}.{name}.variants] is empty; name at least one")


def _one_arm_a_cell(study: Study) -> None:
    for test_set in study.test_sets:
        for dataset in test_set.datasets:
            recipes = list(study.rows_on(test_set, dataset).values())
            twice = sorted({recipe for recipe in recipes if recipes.count(recipe) > 1})
            if twice:
                raise StudyError(
                    f"[test_sets.{test_set.name}] several arms of row {twice[0]!r} are scored on {dataset}; "
                    "give them different recipes"
                )


def _known_names(study: Study) -> None:
    datasets = [entry.name for entry in study.datasets]
    arms = [arm.name for arm in study.arms]
    scored = arms + [entry.name for entry in study.baselines]
    for use in study.datasets:
        others = [name for name in datasets if name != use.name]
        refuse_unknown(f"datasets.{use.name}.same_patients_as", use.same_patients_as, others)
        refuse_unknown(f"datasets.{use.name}.no_patients_of", use.no_patients_of, others)
    for arm in study.arms:
        refuse_unknown(f"arms.{arm.name}.datasets", arm.datasets, datasets)
        refuse_unknown(f"arms.{arm.name}.patients_like", arm.patients_like, [name for name in arms if name != arm.name])
        refuse_unknown(f"arms.{arm.name}.class_weights", tuple(arm.class_weights), list(study.structures))
        refuse_unknown(f"arms.{arm.name}.trainers", arm.trainers, [entry.name for entry in study.trainers])
    for entry in study.test_sets:
        refuse_unknown(f"test_sets.{entry.name}.datasets", entry.datasets, datasets)
        refuse_unknown(f"test_sets.{entry.name}.arms", entry.arms, scored)


def _sensible_numbers(study: Study) -> None:
    refuse_unknown("budgets", tuple(study.budgets), ["cpu", "cuda"])
    for name in ("hu_window", "display_window"):
        low, high = getattr(study.image, name)
        if not -math.inf < low < high < math.inf:
            raise StudyError(f"[image.{name}] found {low} to {high}, wanted the lower value first")
    for device, budget in study.budgets.items():
        for entry in dataclasses.fields(budget):
            value = getattr(budget, entry.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(number, int | float) and not 0 < number < math.inf for number in numbers):
                raise StudyError(f"[budgets.{device}.{entry.name}] found {value}, wanted more than 0")
        if not 1 <= budget.gpus <= (budget.batch_size if device == "cuda" else 1):
            most = f"1 to batch_size {budget.batch_size}" if device == "cuda" else "1: only GPUs share a training"
            raise StudyError(f"[budgets.{device}.gpus] found {budget.gpus}, wanted {most}")
        if budget.learning_rate is not None and budget.learning_rate >= 1:
            raise StudyError(f"[budgets.{device}.learning_rate] found {budget.learning_rate}, wanted less than 1")
        if any(size % PATCH_MULTIPLE for size in budget.patch_size):
            raise StudyError(
                f"[budgets.{device}.patch_size] found {budget.patch_size}, wanted multiples of {PATCH_MULTIPLE}: "
                "the networks halve the patch five times"
            )
        if budget.iterations % budget.iterations_per_epoch:
            raise StudyError(
                f"[budgets.{device}] iterations {budget.iterations} is no multiple of "
                f"iterations_per_epoch {budget.iterations_per_epoch}"
            )
    if not 0 < study.split.validation_share < 1:
        raise StudyError(f"[split.validation_share] found {study.split.validation_share}, wanted between 0 and 1")
    if study.split.kind == "cross_validation" and study.split.folds < 2:
        raise StudyError(f"[split.folds] found {study.split.folds}, wanted 2 or more for cross-validation")
    refuse_repeats("split.run_folds", [str(fold) for fold in study.split.run_folds])
    for fold in study.split.run_folds:
        if not 0 <= fold < study.split.folds:
            raise StudyError(f"[split.run_folds] found {fold}, wanted folds from 0 to {study.split.folds - 1}")
    if study.split.kind == "roles" and study.split.folds != 1:
        raise StudyError(f"[split.folds] found {study.split.folds}, wanted 1: the source fixes train and test")
