"""How far the sharpness of every test image is from that of the images its model was trained on."""

import numpy as np
import pandas as pd

from analysis.cross_matrix import distinct_cases
from analysis.errors import NotApplicableError
from analysis.results import SHARPNESS_COLUMNS, Results
from analysis.score_rows import READER_TRAINERS
from analysis.shared_values import shared_case_values
from analysis.table_parts.slice_words import by_slices
from benchmarks.study import Study

METRIC = "DSC"
INDEX, ERROR = SHARPNESS_COLUMNS
MODEL = ["arm", "seed", "fold"]
IMAGE = ["dataset", "patient", "case", "variant"]
COLUMNS = (
    "trainer", "structure", "slices", "kind", "recipe", *IMAGE, "value", "status", "sharpness", "standard_error",
    "nearest", "distance", "absolute",
)  # fmt: skip
DISTANCE = (
    "Sharpness: mean frequency of the noise in soft tissue (lp/cm), measured in every image without its kernel's name. "
    "Distance: of a test image to the nearest group of training images, each group a dataset's variant with the mean "
    "over its patients; an arm of two kernels has met both, and their mean lies where it has met nothing. Emulation in "
    "the loader is not counted as training images."
)


def sharpness_distances(results: Results) -> pd.DataFrame:
    """Return one row per trained arm, trainer, structure, choice of slices and test image.

    Returns
    -------
    DataFrame
        ``COLUMNS``; ``kind`` is the image's variant kind, ``distance`` (lp/cm) is positive where the test image is
        sharper than its nearest training group, ``nearest``; distances are averaged over the seeds and folds that
        predicted the image. NaN where the image or all training images have no sharpness.

    Raises
    ------
    NotApplicableError
        If images have no sharpness, there is no list of training images, or no scores.
    """
    study, images = results.study, results.images
    if INDEX not in images.columns:
        raise NotApplicableError(
            "needs the sharpness of the images; evaluate the run again: python -m analysis.evaluate"
        )
    if METRIC not in set(results.scores["metric"]) or results.training.empty:
        raise NotApplicableError(f"needs scores of the metric {METRIC} and the list of training images")
    if images[INDEX].isna().all():
        raise NotApplicableError("needs images whose sharpness can be measured: pixels of at most 1 mm, soft tissue")
    distances = _distances(results)
    values = shared_case_values(results, metric=METRIC)
    trained = values[values["trainer"].isin([entry.name for entry in study.trainers])]
    parts = [distinct_cases(cases).assign(slices=slices) for slices, cases in by_slices(study, trained)]
    rows = pd.concat(parts, ignore_index=True).merge(distances, on=["recipe", *IMAGE], how="left")
    return rows.rename(columns={"variant_kind": "kind"})[list(COLUMNS)]


def training_words(results: Results, recipe: str) -> str:
    """Return ``LK 3.73, MK 2.78``: the groups an arm was trained on, with their mean sharpness over folds."""
    groups = _training_groups(results)
    groups = groups[groups["arm"].map(_recipes(results.study)).eq(recipe)]
    found = groups.groupby("group", sort=False)["trained"].mean()
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items())


def _recipes(study: Study) -> dict[str, str]:
    return {arm.name: arm.recipe for arm in study.arms}


def _training_groups(results: Results) -> pd.DataFrame:
    """Return the mean sharpness (``trained``) of each model's training images by dataset and variant."""
    sharpness = results.images[["dataset", "case", "variant", INDEX]]
    rows = results.training.merge(sharpness, on=["dataset", "case", "variant"]).dropna(subset=INDEX)
    several = len({use.name for use in results.study.datasets}) > 1
    rows = rows.assign(group=rows["dataset"] + " " + rows["variant"] if several else rows["variant"])
    patients = rows.groupby([*MODEL, "group", "patient"], sort=False)[INDEX].mean().reset_index()
    return patients.groupby([*MODEL, "group"], sort=False)[INDEX].mean().rename("trained").reset_index()


def _distances(results: Results) -> pd.DataFrame:
    """Return the distance of every image a model was scored on, averaged over the seeds and folds of a recipe."""
    scores = results.scores
    models = scores[~scores["trainer"].isin(READER_TRAINERS) & scores["metric"].eq(METRIC)]
    tested = models[[*MODEL, *IMAGE]].drop_duplicates()
    sharpness = results.images[["dataset", "case", "variant", INDEX, ERROR]]
    pairs = tested.merge(sharpness, on=["dataset", "case", "variant"]).merge(_training_groups(results), on=MODEL)
    pairs = pairs.assign(distance=pairs[INDEX] - pairs["trained"]).dropna(subset="distance")
    pairs = pairs.assign(absolute=pairs["distance"].abs(), recipe=pairs["arm"].map(_recipes(results.study)))
    nearest = pairs.loc[pairs.groupby([*MODEL, *IMAGE], sort=False)["absolute"].idxmin()]
    grouped = nearest.groupby(["recipe", *IMAGE], sort=False)
    means = (
        grouped[[INDEX, ERROR, "distance", "absolute"]]
        .mean()
        .rename(columns={INDEX: "sharpness", ERROR: "standard_error"})
    )
    return means.assign(nearest=grouped["group"].first()).reset_index()


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have both a distance and a value."""
    return rows[np.isfinite(rows["absolute"].to_numpy(np.float64)) & np.isfinite(rows["value"].to_numpy(np.float64))]
