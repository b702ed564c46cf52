"""The published numbers of the study's paper beside this run's."""

import re
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError, NotApplicableError
from analysis.published_results import KEY, PAPERS, load_published
from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.own_values import IDENTITY, KEYS, own_values
from benchmarks.study import Study

NAME = "beside_published"
TITLE = "Published results beside those of this run"
STUDIES = {
    "kernel_2021": "hoang_thi_2021",
    "diversity_2020": "hofmanninger_2020",
    "ssc_ild_2020": "chassagnon_2020",
    "standardisation_2023": "lee_2023",
}
OWN = [f"own_{name}" for name in IDENTITY]
SEVERAL = (
    "Of this run: where several of its structures, test sets, trainers or arms answer to one printed number, each has "
    "a row of its own."
)
DIFFERENCE = (
    "Difference: this run minus published, to the published decimals. Other patients, readers and scanners: a "
    "difference by itself says nothing about the methods. Published numbers are as printed, also those marked ‡, which "
    "contradict other numbers of the paper."
)


def make(results: Results) -> TableResult:
    """Return a row per published number that this run has too: published, this run, difference.

    Numbers are joined on dataset, training set, test set, method, trainer, reader, structure, slices, metric and
    statistic, as far as the paper's table has them. Several cells of this run under one number are several rows; the
    columns ``own_structure``, ``own_trainer``... say which is which.

    Raises
    ------
    NotApplicableError
        If the study is not one of the papers', or no published number has a counterpart.
    AnalysisError
        If two cells of this run under one number cannot be told apart.
    """
    paper = paper_of(results.study)
    published = load_published(paper)
    published = published[published["value"].notna()]
    frame = _beside(published, own_values(results, paper))
    if frame.empty:
        raise NotApplicableError(
            f"needs arms, test sets or cohorts named as in {PAPERS[paper]}; no number has its keys"
        )
    sections = tuple(Section(str(source), _printed(rows)) for source, rows in frame.groupby("source", sort=False))
    tables = published[published["source"].isin(frame["source"])]
    several = (SEVERAL,) if frame.duplicated(KEY).any() else ()
    found = len(frame.drop_duplicates(KEY))
    counts = f"{found} of the {len(tables)} numbers printed in these tables have a counterpart in this run."
    flagged = [f"‡ {row['row']}, {row['column']}: {row['note']}." for row in _flagged(frame)]
    return TableResult(frame, (f"Published: {PAPERS[paper]}.", DIFFERENCE, *several, counts, *flagged), sections)


def paper_of(study: Study) -> str:
    """Return the key of the paper whose protocol a study is.

    Raises
    ------
    NotApplicableError
        If it is none of them.
    """
    if study.name not in STUDIES:
        raise NotApplicableError(f"needs the study of a paper: {', '.join(STUDIES)}")
    return STUDIES[study.name]


def _beside(published: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Join on the keys that this run's table of the same source has; several cells under one number stay apart."""
    parts = []
    for source, rows in own.groupby("source", sort=False):
        used = [name for name in KEYS if rows[name].ne("").any()]
        names = [f"_{name}" for name in used]
        left, right = (
            side.assign(**{f"_{name}": side[name].map(_plain) for name in used})
            for side in (published[published["source"].eq(source)], rows)
        )
        right = right[[*names, *OWN, "value"]].rename(columns={"value": "this_run"})
        parts.append(left.merge(right, on=names, how="inner").drop(columns=names))
    frame = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*published.columns, *OWN, "this_run"])
    )
    _refuse_repeated(frame)
    frame = frame[frame["this_run"].notna()].rename(columns={"value": "published"})
    return frame.assign(difference=frame["this_run"].astype(float) - frame["published"].astype(float))


def _refuse_repeated(frame: pd.DataFrame) -> None:
    repeated = frame[frame.duplicated([*KEY, *OWN])]
    if len(repeated):
        row = repeated.iloc[0]
        own = ", ".join(row[name] for name in OWN if row[name])
        raise AnalysisError(
            f"published numbers: {row['source']}, {row['row']}, {row['column']}, {row['statistic']}: two values of "
            f"this run ({own}) that nothing tells apart; give datasets, arms and trainers names of their own"
        )


def _plain(name: Any) -> str:
    """Return a name without case and punctuation: ``U-Net`` and ``U-net``, ``Ath.`` and ``Ath`` are the same."""
    return re.sub(r"[^a-z0-9+]", "", str(name).lower())


def _printed(rows: pd.DataFrame) -> pd.DataFrame:
    several = [name for name in OWN if rows[name].nunique() > 1] if rows.duplicated(KEY).any() else []
    text = [
        [
            row["column"], row["statistic"].replace("_", " "), _number(row, "published") + ("‡" if row["flag"] else ""),
            *([", ".join(row[name] for name in several)] if several else []),
            _number(row, "this_run"), _difference(row),
        ]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    heads = ["Column", "Statistic", "Published", *(["Of this run"] if several else []), "This run", "Difference"]
    return pd.DataFrame(text, index=pd.Index(rows["row"], name="Row"), columns=heads)


def _number(row: dict[Any, Any], name: str) -> str:
    operator = row["operator"] if name == "published" else ""
    return f"{operator}{row[name]:.{int(row['decimals'])}f}".replace("-", "−")


def _difference(row: dict[Any, Any]) -> str:
    if row["operator"] or row["statistic"] == "p":
        return ""
    return f"{row['difference']:+.{int(row['decimals'])}f}".replace("-", "−")


def _flagged(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame[frame["flag"].ne("")].drop_duplicates(["row", "column", "note"]).to_dict("records")
