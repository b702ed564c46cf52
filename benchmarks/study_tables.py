"""Defaults and checks of the section ``[tables]`` of a study."""

import dataclasses
from collections.abc import Iterable
from typing import TypeVar

from benchmarks.study import Characteristic, Cohort, CohortTables, Pool, Protocol, Study, Tables
from benchmarks.study_names import StudyError, refuse_empty, refuse_repeats, refuse_unknown
from benchmarks.study_scoring import scored_names

Named = TypeVar("Named", Pool, Cohort, Protocol)


def complete_tables(tables: Tables) -> Tables:
    """Return the tables with a label for everything: its name where none is given."""
    cohorts = dataclasses.replace(
        tables.cohorts,
        cohorts=_labelled(tables.cohorts.cohorts),
        external=_labelled(tables.cohorts.external),
        characteristics=_labelled_rows(tables.cohorts.characteristics),
        lung_function=_labelled_rows(tables.cohorts.lung_function),
    )
    protocols = _labelled(tables.standardisation.protocols)
    return dataclasses.replace(
        tables,
        pools=_labelled(tables.pools),
        cohorts=cohorts,
        standardisation=dataclasses.replace(tables.standardisation, protocols=protocols),
    )


def check_tables(study: Study) -> None:
    """Refuse names that do not exist, and numbers that make no sense.

    Raises
    ------
    StudyError
        Naming the key, what was found and the choices.
    """
    refuse_unknown("tables.structures", study.tables.structures, scored_names(study))
    refuse_repeats("tables.structures", study.tables.structures)
    if not 0 <= study.tables.floor <= 1:
        raise StudyError(f"[tables.floor] found {study.tables.floor}, wanted 0 to 1")
    _check_comparisons(study)
    _check_pools(study)
    _check_cohorts(study, study.tables.cohorts)
    _check_protocols(study)


def _labelled(entries: tuple[Named, ...]) -> tuple[Named, ...]:
    return tuple(dataclasses.replace(entry, label=entry.label or entry.name) for entry in entries)


def _labelled_rows(entries: tuple[Characteristic, ...]) -> tuple[Characteristic, ...]:
    return tuple(dataclasses.replace(entry, label=entry.label or entry.covariate) for entry in entries)


def _check_comparisons(study: Study) -> None:
    recipes = sorted({arm.recipe for arm in study.arms} | {entry.name for entry in study.baselines})
    for index, comparison in enumerate(study.tables.comparisons):
        where = f"tables.comparisons[{index}]"
        refuse_unknown(f"{where}.arms", comparison.arms, recipes)
        refuse_unknown(f"{where}.test_sets", comparison.test_sets, [entry.name for entry in study.test_sets])
        if sorted((len(comparison.arms), len(comparison.test_sets))) != [1, 2]:
            raise StudyError(f"[{where}] wanted two arms on one test set, or one arm on two test sets")


def _check_pools(study: Study) -> None:
    slices = {entry.name: entry.slices for entry in study.test_sets}
    refuse_repeats("tables.pools", _names(study.tables.pools))
    for pool in study.tables.pools:
        where = f"tables.pools.{pool.name}.test_sets"
        refuse_empty(where, pool.test_sets)
        refuse_unknown(where, pool.test_sets, slices)
        refuse_repeats(where, pool.test_sets)
        found = dict.fromkeys(slices[name] for name in pool.test_sets)
        if len(found) > 1:
            raise StudyError(f"[{where}] are scored on different slices ({', '.join(found)}); wanted the same")


def _check_cohorts(study: Study, tables: CohortTables) -> None:
    datasets = [entry.name for entry in study.datasets]
    names = _names((*tables.cohorts, *tables.external))
    refuse_repeats("tables.cohorts", names)
    tested = {name for entry in study.test_sets for name in entry.variants}
    for cohort in (*tables.cohorts, *tables.external):
        refuse_empty(f"tables.cohorts.{cohort.name}.datasets", cohort.datasets)
        refuse_unknown(f"tables.cohorts.{cohort.name}.datasets", cohort.datasets, datasets)
        tested = {name for entry in study.test_sets for name in entry.variants}
        refuse_unknown(
            f"tables.cohorts.{cohort.name}.variant", [cohort.variant] if cohort.variant else [], sorted(tested)
        )
    against = [tables.external_against] if tables.external_against or tables.external else []
    refuse_unknown("tables.cohorts.external_against", against, _names(tables.cohorts))
    for where, rows in (("characteristics", tables.characteristics), ("lung_function", tables.lung_function)):
        for row in rows:
            if not row.covariate:
                raise StudyError(f"[tables.cohorts.{where}] a covariate is empty; name one")
            if (row.kind == "count") != bool(row.values):
                raise StudyError(
                    f"[tables.cohorts.{where}] {row.covariate}: kind {row.kind!r} with values {list(row.values)}; "
                    "wanted values to count, and none for a quantity"
                )
    counted = [row.covariate for row in tables.lung_function if row.kind == "count"]
    if counted:
        raise StudyError(f"[tables.cohorts.lung_function] {counted[0]}: kind 'count', wanted 'quantity'")


def _check_protocols(study: Study) -> None:
    tables = study.tables.standardisation
    if not tables.protocols and not tables.structure:
        return
    where = "tables.standardisation"
    refuse_unknown(f"{where}.structure", [tables.structure], scored_names(study))
    refuse_repeats(f"{where}.protocols", _names(tables.protocols))
    if not study.scoring.own_variant:
        raise StudyError(f"[{where}] needs [scoring] own_variant: the variant whose prediction is the reference")
    tested = dict.fromkeys(variant for entry in study.test_sets for variant in entry.variants)
    for protocol in tables.protocols:
        refuse_unknown(f"{where}.protocols.{protocol.name}.original", [protocol.original], tested)
        refuse_unknown(f"{where}.protocols.{protocol.name}.standardised", [protocol.standardised], tested)


def _names(entries: Iterable[Pool | Cohort | Protocol]) -> list[str]:
    return [entry.name for entry in entries]
