"""Where a conversion writes: the folders and file names of nnU-Net's raw format and of the readers' masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.records import Case, DatasetInfo

LABELS = "labels"
"""Folder of the label maps, one a case: not ``labelsTr``, where ``nnUNetv2_find_best_configuration`` looks for one
file an image, whatever ``dataset.json`` lists."""

SPLITS = "splits_final.json"
"""Folds that nnU-Net's planning takes over."""


@dataclass(frozen=True)
class Target:
    """Where a conversion writes, and what must agree before a finished case is taken over.

    Attributes
    ----------
    run : Path
        Folder that holds ``nnUNet_raw`` and ``annotations``; paths in records are relative to it.
    nnunet : str
        ``Dataset<id>_<name>``.
    training_reader : str
        Whose annotation becomes the label map; empty: each case's first reader.
    basis : mapping
        Converter, code, source, options: everything but the case that decides the bytes.
    link : bool
        List images that are NIfTI files already where they lie, instead of copying them.
    """

    run: Path
    nnunet: str
    info: DatasetInfo
    training_reader: str
    basis: Mapping[str, Any]
    link: bool = False

    @property
    def raw(self) -> Path:
        """Folder nnU-Net reads."""
        return self.run / "nnUNet_raw" / self.nnunet

    @property
    def annotations(self) -> Path:
        """Folder of the readers' masks."""
        return self.run / "annotations" / self.nnunet

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that holds images or masks."""
        parts = ("imagesTr", "imagesTs", LABELS)
        return (*(self.raw / part for part in parts), self.annotations)

    @property
    def ignore(self) -> int:
        """Label value of voxels nobody annotated."""
        return len(self.info.labels)

    def image_path(self, case: Case, variant: str) -> Path:
        """Return where a variant's image goes: ``imagesTs`` if no reader annotated the case."""
        part = "imagesTr" if case.annotations else "imagesTs"
        return self.raw / part / f"{case.case}-{variant}_0000.nii.gz"

    def label_path(self, case: str) -> Path:
        """Return where the label map of all variants of a case goes."""
        return self.raw / LABELS / f"{case}.nii.gz"

    def mask_path(self, case: str, reader: str) -> Path:
        """Return where a reader's mask goes."""
        return self.annotations / f"{case}-{reader}.nii.gz"

    def record_path(self, case: str) -> Path:
        """Return where the record of a finished case lies."""
        return self.annotations / "records" / f"{case}.json"

    def relative(self, path: Path) -> str:
        """Return a path as records hold it."""
        return path.relative_to(self.run).as_posix()
