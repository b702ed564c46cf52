"""Everything a table or figure is made from: the study, its scores, its cases and images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.emulated_marks import marked_study
from analysis.errors import AnalysisError
from analysis.run_folder import RunFolder, open_run, read_scores
from analysis.score_checks import refuse_mixed_scores, refuse_repeated_scores
from analysis.variant_kinds import refuse_mixed_kinds
from benchmarks.study import Study

CASE_COLUMNS = ("dataset", "patient", "case", "role")
IMAGE_COLUMNS = ("dataset", "patient", "case", "variant", "variant_kind", "slices", "lung_slices")
SHARPNESS_COLUMNS = ("sharpness_lp_per_cm", "sharpness_standard_error")
TRAINING_COLUMNS = ("arm", "seed", "fold", "dataset", "patient", "case", "variant", "chosen_slices")


@dataclass(frozen=True)
class Results:
    """The results of a run.

    Attributes
    ----------
    study : Study
        What is compared.
    scores : DataFrame
        One row per score (``analysis.score_columns``).
    cases : DataFrame
        One row per examination: ``CASE_COLUMNS``, then one column per covariate (number or text; NaN or empty where a
        case has none).
    images : DataFrame
        One row per image: ``IMAGE_COLUMNS``; ``lung_slices`` counts slices on which the reference shows lung, NaN
        where no reader outlined the lung on every slice. ``SHARPNESS_COLUMNS`` (lp/cm, NaN: not measurable) are there
        unless an older version evaluated the run. Further columns are acquisition facts (``kernel``...).
    training : DataFrame
        One row per arm, seed, fold and training image: ``TRAINING_COLUMNS``; ``chosen_slices`` counts the slices
        trained on, all with lung, in an arm of ``[equal_arms]`` that levels them, NaN: the whole image.
    registrations : DataFrame
        One row per template of an arm and image registered to it (``registrations.csv`` of the templates, with the
        ``number`` of the template); empty for a study without templates.
    run : RunFolder or None
        The run folder, for figures that show images; None for results made in memory.

    Raises
    ------
    AnalysisError
        If two score rows have the same key, a metric has several definitions, backends or post-processings, or a test
        set has images of two kinds.
    """

    study: Study
    scores: pd.DataFrame
    cases: pd.DataFrame
    images: pd.DataFrame
    training: pd.DataFrame
    registrations: pd.DataFrame = field(default_factory=pd.DataFrame)
    run: RunFolder | None = None

    def __post_init__(self) -> None:
        """Refuse scores that no table may average: repeated rows, one metric measured in two ways, two kinds."""
        refuse_repeated_scores(self.scores)
        refuse_mixed_scores(self.scores)
        refuse_mixed_kinds(self.scores, self.study)


def results_in_memory(scores: pd.DataFrame, study: Study, *, cases: pd.DataFrame | None = None) -> Results:
    """Return results without a run folder: no images, no training list, and cases only if given."""
    return Results(
        study=study,
        scores=scores,
        cases=pd.DataFrame(columns=list(CASE_COLUMNS)) if cases is None else cases,
        images=pd.DataFrame(columns=list(IMAGE_COLUMNS)),
        training=pd.DataFrame(columns=list(TRAINING_COLUMNS)),
    )


def read_results(root: Path | str) -> Results:
    """Read the results of a run; labels of arms and test sets with emulated images are marked.

    Raises
    ------
    AnalysisError
        If scores, images or the matrix are not there or not readable.
    """
    scores = read_scores(root)
    run = open_run(root)
    images = _images(Path(root) / "images.csv")
    return Results(
        study=marked_study(run.study, images),
        scores=scores,
        cases=_cases(run.matrix),
        images=images,
        training=_training(run.matrix),
        registrations=_registrations(run),
        run=run,
    )


def _registrations(run: RunFolder) -> pd.DataFrame:
    parts = []
    for entry in run.matrix.get("templates", ()):
        for number in range(1, entry["count"] + 1):
            path = run.path(f"templates/{entry['name']}/T{number}/registrations.csv")
            try:
                part = pd.read_csv(path, keep_default_na=False, na_values=[""])
            except (OSError, ValueError) as error:
                raise AnalysisError(f"{path}: {error}; run the study again") from None
            parts.append(part.assign(number=number))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _cases(matrix: Mapping[str, Any]) -> pd.DataFrame:
    rows = [
        {name: entry.get(name, "") for name in CASE_COLUMNS} | dict(entry.get("covariates", {}))
        for entry in matrix["references"].values()
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    cases = pd.DataFrame(rows, columns=list(dict.fromkeys((*CASE_COLUMNS, *names))))
    return cases.assign(**{str(name): _covariate(cases[name]) for name in cases if name not in CASE_COLUMNS})


def _covariate(column: pd.Series) -> pd.Series:
    """Return numbers with NaN, or text with an empty string, where a case has no value."""
    is_text = column.map(lambda value: isinstance(value, str)).any()
    return column.fillna("").astype(str) if is_text else pd.to_numeric(column)


def _images(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise AnalysisError(f"{path} not found; first: python -m analysis.evaluate {path.parent}")
    images = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in IMAGE_COLUMNS if name not in images.columns]
    if missing:
        raise AnalysisError(f"{path}: columns {', '.join(missing)} not found; evaluate the run again")
    numbers = ("slices", "lung_slices", *(name for name in SHARPNESS_COLUMNS if name in images.columns))
    counts = {name: pd.to_numeric(images[name]) for name in numbers}
    return images.assign(**counts)


def _training(matrix: Mapping[str, Any]) -> pd.DataFrame:
    folds = {model["fold"] for model in matrix["models"]}  # a study may run some folds of its split only
    images = matrix["images"] | matrix.get("warped_images", {})  # warped to a template: the same patient's
    rows = [
        {"arm": plan["arm"], "seed": plan["seed"], "fold": fold}
        | {name: images[image][name] for name in ("dataset", "patient", "case", "variant")}
        | {"chosen_slices": len(split["slices"][image]) if "slices" in split else float("nan")}
        for plan in matrix["plans"]
        for fold, split in enumerate(plan["splits"])
        if fold in folds
        for image in split["train"]
    ]
    # an arm has the same images in 2D and in 3D, and plans for each
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS)).drop_duplicates(ignore_index=True)
