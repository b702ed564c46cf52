"""Arms and test sets whose images were emulated or learned are marked wherever they are named, with a note why."""

from dataclasses import replace

import pandas as pd

from analysis.variant_kinds import kinds_of_variants
from benchmarks.study import Study

MARK = "¶"
MARKED_KINDS = ("emulated", "learned")


def marked_study(study: Study, images: pd.DataFrame) -> Study:
    """Return the study with ``¶`` behind the label of every arm and test set with images that no scanner made.

    An arm that shares its table row (``recipe``) with a marked one is marked too; so is a baseline that is tested on
    such images, which its values are made from.
    """
    made = _made(images)
    recipes = {arm.recipe for arm in study.arms if _has_made(arm.datasets, arm.variants, made)}
    arms = tuple(replace(arm, label=_marked(arm.label)) if arm.recipe in recipes else arm for arm in study.arms)
    sets = tuple(
        replace(entry, label=_marked(entry.label)) if _has_made(entry.datasets, entry.variants, made) else entry
        for entry in study.test_sets
    )
    tested = {
        name
        for entry in study.test_sets
        for dataset in entry.datasets
        if _has_made((dataset,), entry.variants, made)
        for name in study.rows_on(entry, dataset)
    }
    baselines = tuple(
        replace(entry, label=_marked(entry.label)) if entry.kind == "hu_range" and entry.name in tested else entry
        for entry in study.baselines
    )
    return replace(study, arms=arms, test_sets=sets, baselines=baselines)


def shown_recipe(study: Study, recipe: str) -> str:
    """Return the name of a table row, marked as its arms are."""
    marked = any(arm.recipe == recipe and arm.label.endswith(MARK) for arm in study.arms)
    return _marked(recipe) if marked else recipe


def emulated_notes(study: Study, images: pd.DataFrame) -> tuple[str, ...]:
    """Return what the mark means: the variants that were not reconstructed, the arms trained on them; or nothing."""
    made = _made(images)
    named = [(arm.datasets, arm.variants) for arm in study.arms]
    named += [(entry.datasets, entry.variants) for entry in study.test_sets]
    used = [name for datasets, variants in named for name in variants if _has_made(datasets, (name,), made)]
    if not used:
        return ()
    kinds = {variant: kind for (_, variant), kind in made.items()}
    words = "; ".join(f"{variant}: {kinds[variant]}, not reconstructed" for variant in dict.fromkeys(used))
    arms = dict.fromkeys(arm.recipe for arm in study.arms if _has_made(arm.datasets, arm.variants, made))
    trained = f" Arms trained on such images: {', '.join(arms)}." if arms else ""
    return (f"{MARK} {words}.{trained}",)


def _made(images: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return dataset and variant of the images that no scanner made, with their kind."""
    kinds = kinds_of_variants(images)
    return {key: kind for key, found in kinds.items() for kind in found if kind in MARKED_KINDS}


def _has_made(datasets: tuple[str, ...], variants: tuple[str, ...], made: dict[tuple[str, str], str]) -> bool:
    return any((dataset, variant) in made for dataset in datasets for variant in variants)


def _marked(label: str) -> str:
    return label if label.endswith(MARK) else f"{label}{MARK}"
