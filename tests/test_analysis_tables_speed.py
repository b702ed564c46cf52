"""All tables of a large run in seconds: the frames are made once, cells are not searched row by row."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from analysis_scores import two_kernel_study

from analysis.make_tables import make_all
from analysis.results import Results, results_in_memory
from analysis.score_columns import COLUMNS

METRICS = {"DSC": (0.5, 1), "HD95": (1, 30), "MSD": (0.5, 5), "volume": (50, 500), "reference_volume": (50, 500)}
READERS = ("reader1", "reader2", "reader3")
ARMS = ("LK", "MK", "LK+MK")
KERNELS = ("LK", "MK")
CASES = 1000
LIMIT_CPU_S = 20


def large_results(folder: Path, *, cases: int, seed: int = 0) -> Results:
    """Return results of three arms and three readers in five metrics; a case is one patient on one of two kernels."""
    study = two_kernel_study(folder)
    study = replace(study, scoring=replace(study.scoring, metrics=tuple(METRICS)))
    generator = np.random.default_rng(seed)
    patients = [f"P{number:04d}" for number in range(cases // len(KERNELS))]
    names = ["metric", "arm", "variant", "reader", "patient"]
    grid = pd.MultiIndex.from_product([METRICS, ARMS, KERNELS, READERS, patients], names=names).to_frame(index=False)
    models = grid.assign(
        study="quickstart", dataset="phantom", case=grid["patient"], variant_kind="native", structure="disease",
        slices="all", dimension="3d", trainer="nnUNetTrainerWeightedCE2D", fold=0, seed=0, postprocess="",
        definition="", backend="", unit="1", status="ok", reason="",
        value=np.concatenate([
            generator.uniform(*METRICS[metric], size=int(grid["metric"].eq(metric).sum())) for metric in METRICS
        ]),
    )  # fmt: skip
    first = models[models["arm"].eq("LK") & models["variant"].eq("LK") & models["reader"].ne("reader3")]
    first = first[first["metric"].isin(["DSC", "HD95", "MSD"])]
    pairs = first.assign(trainer="reader", arm=first["reader"].map({"reader1": "reader2", "reader2": "reader3"}))
    pairs = pairs.assign(variant="", variant_kind="")
    scores = pd.concat([models, pairs], ignore_index=True)[list(COLUMNS)]
    return results_in_memory(scores, study)


def test_tables_of_many_cases_take_seconds(tmp_path: Path) -> None:
    results = large_results(tmp_path, cases=CASES)
    assert len(results.scores) > CASES * len(METRICS) * len(READERS) * len(ARMS)
    start = time.process_time()
    outcomes = make_all(results, folder=tmp_path / "tables", footer="speed")
    assert time.process_time() - start < LIMIT_CPU_S
    assert not [entry.reason for entry in outcomes if entry.failed]
    assert sum(bool(entry.files) for entry in outcomes) >= 6
