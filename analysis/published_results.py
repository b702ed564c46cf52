"""The result tables of the papers behind the studies, as printed, with the checks that guard the transcription.

One CSV per paper in ``analysis/published``, one row per printed number:

* ``paper``, ``source`` (table, caption or section of the text), ``page`` (empty throughout: the texts transcribed
  carry no page numbers), ``row`` and ``column`` (the paper's words, levels separated by `` | ``);
* the keys of CTShift's scores, so that a run can stand beside them: ``dataset``, ``train`` (arm), ``test`` (test set
  or cohort), ``method`` (what was scored), ``trainer`` (CTShift's class, where there is one), ``reader``,
  ``structure``, ``slices`` (all, lung, annotated), ``metric``; two things compared are joined by `` vs ``;
* ``statistic``, ``operator`` (``<0.001`` is split), ``value``, ``unit``, and ``printed``, the whole cell; statistics
  ``text`` and ``not_given`` are cells without a number;
* ``flag``: the checks that the number fails, separated by ``;``; ``note``: the arithmetic, or a remark.

Numbers are never corrected. The review of Lee et al. 2018 has no table of results and gives no number for kernel
conversion; its file holds the segmentation times of one caption. Results the papers quote from others are left out.
"""

import math
from collections.abc import Iterator
from importlib import resources

import pandas as pd

from analysis.errors import AnalysisError
from analysis.published import chassagnon_2020, general_checks, hoang_thi_2021, hofmanninger_2020, lee_2023
from analysis.published.printed_numbers import Contradiction

PAPERS = {
    "hoang_thi_2021": "Hoang-Thi et al., Diagn Interv Imaging 2021;102:691-695, doi 10.1016/j.diii.2021.10.001",
    "hofmanninger_2020": "Hofmanninger et al. 2020, Automatic lung segmentation in routine imaging (preprint)",
    "chassagnon_2020": "Chassagnon et al., Radiol Artif Intell 2020;2(4):e190006, doi 10.1148/ryai.2020190006",
    "lee_2018": "Lee SM et al. 2018, Deep learning applications in chest imaging (review, manuscript)",
    "lee_2023": "Lee SB et al. 2023, Korean J Radiol, doi 10.3348/kjr.2022.0588",
}
COLUMNS = (
    *("paper", "source", "page", "row", "column"),
    *("dataset", "train", "test", "method", "trainer", "reader", "structure", "slices"),
    *("metric", "statistic", "operator", "value", "unit", "printed", "flag", "note"),
)
KEY = ["paper", "source", "row", "column", "metric", "statistic"]
WITHOUT_VALUE = ("text", "not_given")
OPERATORS = ("", "<", ">", "<=", ">=", "~")
CHECKS = {
    "hoang_thi_2021": hoang_thi_2021.CHECKS,
    "hofmanninger_2020": hofmanninger_2020.CHECKS,
    "chassagnon_2020": chassagnon_2020.CHECKS,
    "lee_2023": lee_2023.CHECKS,
}


def load_published(paper: str | None = None) -> pd.DataFrame:
    """Return the printed numbers of one paper or of all, one row each.

    ``value`` is a float (NaN only for the statistics ``text`` and ``not_given``), ``decimals`` the printed places
    behind the point, every other column text (empty where it does not apply).

    Raises
    ------
    AnalysisError
        If the paper is unknown, or a file has wrong columns, a repeated key, a missing value or an unexplained flag.
    """
    if paper is not None and paper not in PAPERS:
        raise AnalysisError(f"paper {paper!r} not found; the choices are: {', '.join(PAPERS)}")
    names = PAPERS if paper is None else (paper,)
    return pd.concat([_read(name) for name in names], ignore_index=True)


def published_cells(paper: str, source: str) -> pd.DataFrame:
    """Return one printed table, rows by columns in the paper's order, each cell the text as printed.

    Cells the paper leaves empty are empty text.

    Raises
    ------
    AnalysisError
        If the paper or the table is unknown, or two rows of one cell disagree on what is printed.
    """
    frame = load_published(paper)
    table = frame[frame["source"] == source].drop_duplicates(["row", "column", "printed"])
    if table.empty:
        found = ", ".join(frame["source"].unique())
        raise AnalysisError(f"{paper}: source {source!r} not found; the choices are: {found}")
    if table.duplicated(["row", "column"]).any():
        cell = table[table.duplicated(["row", "column"])].iloc[0]
        raise AnalysisError(
            f"{paper}: {source}, {cell['row']!r}, {cell['column']!r} is printed in two ways; mend the CSV"
        )
    cells = table.set_index(["row", "column"])["printed"].unstack()
    return cells.reindex(index=table["row"].unique(), columns=table["column"].unique()).fillna("")


def find_contradictions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the printed numbers that other printed numbers rule out, one row per number and check.

    Recomputes sums, percentages, ranges, order, P values, repeats in the text and each paper's own arithmetic;
    numbers are taken as intervals that round to what is printed. The index is that of ``frame``; ``check`` names the
    check, ``expected`` what the other numbers say. Without a contradiction the frame is empty. Numbers no statistic can
    take are reported alone.

    Parameters
    ----------
    frame : DataFrame
        From `load_published`, whole papers.

    Raises
    ------
    AnalysisError
        If a paper's rows are not all there.
    """
    for paper, of_paper in frame.groupby("paper", sort=False):
        whole = len(_read(str(paper)))
        if len(of_paper) != whole:
            raise AnalysisError(f"{paper}: {len(of_paper)} rows to check, wanted all {whole}; give whole papers")
    numbers = frame[frame["value"].notna()]
    found = list(dict.fromkeys((item.index, item.check, item.expected) for item in _contradictions(numbers)))
    cells = frame.loc[[index for index, _, _ in found], [*KEY, "printed", "flag"]]
    cells.insert(0, "check", [check for _, check, _ in found])
    return cells.assign(expected=[expected for _, _, expected in found])


def _contradictions(numbers: pd.DataFrame) -> Iterator[Contradiction]:
    impossible = list(general_checks.outside_limits(numbers))
    yield from impossible
    if impossible:  # nothing can be computed from a negative count or a P value of 3
        return
    for check in general_checks.CHECKS:
        yield from check(numbers)
    for paper, checks in CHECKS.items():
        of_paper = numbers[numbers["paper"] == paper]
        for check in checks if len(of_paper) else ():
            yield from check(of_paper)


def _read(paper: str) -> pd.DataFrame:
    file = resources.files("analysis.published") / f"{paper}.csv"
    with file.open("r", encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype=str, keep_default_na=False)
    _validate(frame, paper)
    numbers = frame["value"]
    frame["decimals"] = numbers.str.partition(".")[2].str.len()
    frame["value"] = [float(number) if number else math.nan for number in numbers]
    return frame


def _validate(frame: pd.DataFrame, paper: str) -> None:
    if tuple(frame.columns) != COLUMNS:
        raise AnalysisError(f"published/{paper}.csv: columns {list(frame.columns)}, wanted {list(COLUMNS)}")
    faults = {
        "names another paper": frame["paper"] != paper,
        "repeats the key of an earlier row": frame.duplicated(KEY),
        "has no source, statistic or printed text": (frame[["source", "statistic", "printed"]] == "").any(axis=1),
        "has no number": ~frame["value"].str.fullmatch(r"-?\d*\.?\d+") & ~frame["statistic"].isin(WITHOUT_VALUE),
        "has a number it should not have": (frame["value"] != "") & frame["statistic"].isin(WITHOUT_VALUE),
        "has an unknown operator": ~frame["operator"].isin(OPERATORS),
        "is flagged without a note": (frame["flag"] != "") & (frame["note"] == ""),
    }
    for fault, wrong in faults.items():
        if wrong.any():
            line = wrong.tolist().index(True) + 2
            raise AnalysisError(f"published/{paper}.csv, line {line}: {fault}; mend the file")
