"""A study of any size with scores made in memory, for what figures do with many arms, long names and odd values."""

from pathlib import Path

import numpy as np
import pandas as pd
from analysis_scores import study_from

from analysis.results import Results, results_in_memory
from analysis.score_columns import COLUMNS

TRAINER = "nnUNetTrainerWeightedCE2D"
HEAD = f"""
name = "crowd"
title = "Crowd"
dataset_id = 907
[structures]
lung = ["lung"]
[[trainers]]
name = "{TRAINER}"
label = "U-Net"
[split]
kind = "roles"
[scoring]
metrics = ["DSC", "HD95", "tumour_overlap"]
references = {{ tumour = ["tumour"] }}
lung = "lung"
tumour = "tumour"
[budgets.cpu]
iterations = 2
iterations_per_epoch = 1
validation_iterations = 1
batch_size = 1
width = 8
patch_size = [32, 32]
spacing_mm = [2.5, 2.0]
"""
LONG = " on every slice of the examinations of the Universitätsklinikum from 2009 to 2020"


def crowd(
    folder: Path, *, arms: int, sets: int, patients: int, long: bool = False, constant: float | None = None
) -> Results:
    """Return results of a study whose arms and test sets are the variants of one dataset, each arm on every set.

    In HD95 the first patient has no distance; ``constant`` gives every patient the same Dice score and distance.
    """
    text = HEAD + '[[datasets]]\nname = "one"\nlabel = "One"\n'
    for index in range(arms):
        label = f"Trained{LONG} {index}" if long else f"Arm {index}"
        text += f'[[arms]]\nname = "A{index}"\nlabel = "{label}"\nvariants = ["V{index % sets}"]\n'
    for index in range(sets):
        label = f"Applied{LONG} {index}" if long else f"Set {index}"
        text += f'[[test_sets]]\nname = "T{index}"\nlabel = "{label}"\nvariants = ["V{index}"]\n'
    text += "[tables]\ncomparisons = [\n"
    text += "".join(f'{{ arms = ["A0", "A{i}"], test_sets = ["T0"] }},\n' for i in range(1, arms))
    text += "".join(f'{{ arms = ["A0"], test_sets = ["T0", "T{i}"] }},\n' for i in range(1, sets)) + "]\n"
    study = study_from(text, folder)
    return results_in_memory(_scores(arms, sets, patients, constant=constant), study)


def _scores(arms: int, sets: int, patients: int, *, constant: float | None) -> pd.DataFrame:
    generator = np.random.default_rng(5)
    index = pd.MultiIndex.from_product(
        [["DSC", "HD95", "tumour_overlap"], range(arms), range(sets), range(patients)],
        names=["metric", "arm", "variant", "patient"],
    )
    rows = index.to_frame(index=False)
    value = generator.beta(8, 2, len(rows)) if constant is None else np.full(len(rows), constant)
    rows["value"] = np.where(rows["metric"].eq("HD95"), 50 * (1 - value), value)
    lost = rows["metric"].eq("HD95") & rows["patient"].eq(0)
    rows.loc[lost, "value"] = np.inf
    rows["status"] = np.where(lost, "empty_prediction", "ok")
    rows["patient"] = rows["patient"].map("P{:04d}".format)
    rows["arm"], rows["variant"] = rows["arm"].map("A{}".format), rows["variant"].map("V{}".format)
    fixed = {
        "study": "crowd", "dataset": "one", "variant_kind": "native", "reader": "reader1", "structure": "lung",
        "slices": "all", "dimension": "3d", "trainer": TRAINER, "fold": 0, "seed": 0, "postprocess": "none",
        "definition": "", "backend": "", "unit": "", "reason": "",
    }  # fmt: skip
    return rows.assign(**fixed, case=rows["patient"])[list(COLUMNS)]
