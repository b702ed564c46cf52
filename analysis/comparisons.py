"""The planned comparisons of a study: those it names, or the paper's wherever they fit."""

from itertools import combinations

from benchmarks.study import Comparison, Study, TestSet


def planned_comparisons(study: Study) -> tuple[Comparison, ...]:
    """Return the comparisons that form one Bonferroni family per dataset.

    Without any in the study file, Hoang-Thi 2021's: every pair of arms on the test set of several kernels; each arm
    of several kernels against each single-kernel arm on the latter's own kernel; each arm's two kernels. With three
    arms and two kernels these are 3 + 2 + 3 tests.
    """
    return study.tables.comparisons or (*_pairs_on_all(study), *_own_kernel(study), *_kernel_against_kernel(study))


def _pairs_on_all(study: Study) -> list[Comparison]:
    sets = [entry for entry in study.test_sets if len(entry.variants) > 1]
    return [
        Comparison(arms=pair, test_sets=(entry.name,)) for entry in sets for pair in combinations(_recipes(study), 2)
    ]


def _own_kernel(study: Study) -> list[Comparison]:
    recipes = _recipes(study)
    several = [name for name, variants in recipes.items() if len(variants) > 1]
    return [
        Comparison(arms=(broad, name), test_sets=(entry.name,))
        for name, variants in recipes.items()
        for entry in _single(study)
        for broad in several
        if variants == entry.variants
    ]


def _kernel_against_kernel(study: Study) -> list[Comparison]:
    return [
        Comparison(arms=(name,), test_sets=(first.name, second.name))
        for name in _recipes(study)
        for first, second in combinations(_single(study), 2)
        if first.variants != second.variants and first.slices == second.slices and first.datasets == second.datasets
    ]


def _recipes(study: Study) -> dict[str, tuple[str, ...]]:
    recipes: dict[str, tuple[str, ...]] = {}
    for arm in study.arms:
        recipes.setdefault(arm.recipe, arm.variants)
    return recipes


def _single(study: Study) -> list[TestSet]:
    return [entry for entry in study.test_sets if len(entry.variants) == 1]
