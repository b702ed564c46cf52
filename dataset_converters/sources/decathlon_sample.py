"""Write tiny invented patients in the layout of the Medical Segmentation Decathlon."""

import json
from collections.abc import Mapping
from pathlib import Path

from dataset_converters.sources.sample_volumes import sample_chest, write_sample


def write_decathlon(root: Path, *, prefix: str, structures: Mapping[str, str]) -> None:
    """Write two labelled patients and one without label; ``structures``: name in ``dataset.json`` to that of the chest.

    Beside the files lie the hidden ones (``._*``) that the published archives hold.
    """
    names = [f"{prefix}_{number:03d}.nii.gz" for number in (1, 2, 3)]
    values = {structure: value for value, structure in enumerate(structures.values(), start=1)}
    for seed, name in enumerate(names):
        chest, part = sample_chest(seed).turned("RAS"), "Ts" if seed == 2 else "Tr"
        write_sample(root / f"images{part}" / name, chest.image)
        if part == "Tr":
            write_sample(root / "labelsTr" / name, chest.labels(**values))
        (root / f"images{part}" / f"._{name}").write_bytes(b"\0\5\26\7")
    labels = {"0": "background", **{str(value): name for value, name in enumerate(structures, start=1)}}
    training = [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names[:2]]
    content = {"modality": {"0": "CT"}, "labels": labels, "training": training, "test": [f"./imagesTs/{names[2]}"]}
    (root / "dataset.json").write_text(json.dumps(content))
