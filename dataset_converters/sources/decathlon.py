"""Folders in the layout of the Medical Segmentation Decathlon: ``dataset.json``, imagesTr, labelsTr, imagesTs."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED, Case
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.path_inside import path_inside
from dataset_converters.volumes.image_file import ENDINGS, read_image

READER, VARIANT = "manual", "CT"
_LARGEST_BYTES = 64 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
_VALUE = re.compile(r"[0-9]{1,5}")
_STRUCTURE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Decathlon:
    """What ``dataset.json`` says.

    Attributes
    ----------
    values : mapping
        Structure to value in the files, without background; ``ignore`` is nnU-Net's ignore label.
    labelled, unlabelled : tuple
        Image and label of each training case; image of each test case.
    """

    values: Mapping[str, int]
    labelled: tuple[tuple[Path, Path], ...]
    unlabelled: tuple[Path, ...]

    @property
    def labels(self) -> dict[str, int]:
        """Structure to label in the converted dataset: background 0, the others consecutive."""
        names = sorted((name for name in self.values if name != "ignore"), key=self.values.__getitem__)
        return {"background": 0, **{name: value for value, name in enumerate(names, start=1)}}


def read_decathlon(root: Path, *, dataset: str, names: Mapping[str, str] | None = None) -> Decathlon:
    """Read ``root/dataset.json`` as the Decathlon or nnU-Net writes it; hidden files (``._*``) do not count.

    Structure names are taken in lower case with ``_`` between words; ``names`` gives others (for example
    ``{"cancer": "tumour"}``).

    Raises
    ------
    ConversionError
        No such file, not one CT channel, labels that are no structures, a listed file that is not there, or, where
        nothing is listed, a label without image.
    """
    content = _read_json(root / "dataset.json", dataset)
    _check_channel(content, dataset)
    values = _structure_values(content.get("labels"), names or {}, dataset)
    if isinstance(content.get("training"), list):
        pairs = [_training_pair(entry) for entry in content["training"]]
        tests = [_image_of(entry) for entry in content.get("test") or ()]
    else:
        pairs = [(f"imagesTr/{name}", f"labelsTr/{_case_file(name)}") for name in _image_names(root / "imagesTr")]
        tests = [f"imagesTs/{name}" for name in _image_names(root / "imagesTs")]
        alone = len({f"labelsTr/{name}" for name in _image_names(root / "labelsTr")} - {label for _, label in pairs})
        if alone:
            found, wanted = f"{alone} labels without image", "pairs in imagesTr and labelsTr"
            raise _fault(dataset, found, wanted, "unpack the archive again, or remove them")
    files = _existing(root, [text for pair in pairs for text in pair] + tests, dataset)
    labelled = list(zip(files[: 2 * len(pairs) : 2], files[1 : 2 * len(pairs) : 2], strict=True))
    unlabelled = files[2 * len(pairs) :]
    if not labelled:
        raise _fault(dataset, "no training case", "pairs in imagesTr and labelsTr", "unpack the archive again")
    return Decathlon(values, tuple(labelled), tuple(unlabelled))


def decathlon_cases(collection: Decathlon, *, dataset: str, reader: str = READER, variant: str = VARIANT) -> list[Case]:
    """Return its cases, one patient each; test images without labels have role ``test`` and no annotation.

    Raises
    ------
    ConversionError, ConversionErrors
        A file whose name is no plain case name.
    """
    values = _file_values(collection)
    labels = dict(collection.labelled)

    def read(image: Path) -> Case:
        case = _case_file(image.name).partition(".")[0]
        if not _NAME.fullmatch(case):
            wanted = "letters, digits and _ only"
            raise _fault(dataset, "an image named with other characters", wanted, "rename it to a pseudonym")
        label = labels.get(image)
        return Case(
            patient=case,
            case=case,
            images={variant: partial(read_image, image, dataset=dataset, case=case)},
            annotations={} if label is None else {reader: partial(_read_label, label, values, dataset, case)},
            role="test" if label is None else "",
        )

    return collect_cases(dataset, [*labels, *collection.unlabelled], read)


def unlisted_files(root: Path, collection: Decathlon) -> tuple[str, ...]:
    """Say how many images and labels ``dataset.json`` does not list."""
    listed = {file.resolve() for pair in collection.labelled for file in pair}
    listed |= {file.resolve() for file in collection.unlabelled}
    folders = [root / name for name in ("imagesTr", "labelsTr", "imagesTs")]
    found = {(folder / name).resolve() for folder in folders for name in _image_names(folder)}
    return left_out_note(len(found - listed), "images and labels", "dataset.json does not list them")


def find_decathlon(root: Path, folder: str) -> Path:
    """Return the folder that holds ``dataset.json``: the root, or the archive's own folder in it."""
    inner = root / folder
    return inner if (inner / "dataset.json").is_file() else root


def _read_label(file: Path, values: Mapping[int, int], dataset: str, case: str, grid: sitk.Image) -> sitk.Image:
    return read_labels(file, grid, values=values, dataset=dataset, case=case)


def _file_values(collection: Decathlon) -> dict[int, int]:
    labels = collection.labels
    return {value: labels.get(name, IGNORED) for name, value in collection.values.items()}


def _read_json(path: Path, dataset: str) -> dict[str, Any]:
    wanted = "dataset.json as the Decathlon or nnU-Net writes it (labels, training)"
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _fault(dataset, "dataset.json of more than 64 MiB", wanted, "check the file")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        found = "no dataset.json" if isinstance(error, FileNotFoundError) else "dataset.json that cannot be read"
        raise _fault(dataset, found, wanted, "give the folder that holds dataset.json, imagesTr, labelsTr") from None
    if not isinstance(content, dict):
        raise _fault(dataset, "dataset.json that holds no table", wanted, "unpack the archive again")
    return content


def _check_channel(content: Mapping[str, Any], dataset: str) -> None:
    channels = content.get("modality", content.get("channel_names"))
    plain = isinstance(channels, dict) and len(channels) == 1 and str(next(iter(channels.values()))).upper() == "CT"
    if not plain:
        raise _fault(dataset, "images that are not of one channel CT", "modality CT", "convert CT collections only")


def _structure_values(labels: object, names: Mapping[str, str], dataset: str) -> dict[str, int]:
    """Return structure to value from ``{"1": "cancer"}`` or ``{"cancer": 1}``."""
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise _fault(dataset, "option names that is no table of texts", '{cancer = "tumour"}', "correct it")
    wanted, action = 'labels such as {"0": "background", "1": "cancer"}', "correct dataset.json, or the option names"
    pairs = list(labels.items()) if isinstance(labels, dict) else []
    values: dict[str, int] = {}
    for first, second in pairs:
        name, value = (second, first) if _VALUE.fullmatch(str(first)) else (first, second)
        plain = re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")
        structure = str(names.get(str(name), names.get(plain, plain)))
        whole = isinstance(value, (int, str)) and _VALUE.fullmatch(str(value))
        if not isinstance(name, str) or not whole or not _STRUCTURE.fullmatch(structure) or structure in values:
            raise _fault(dataset, f"labels of another form (entry {len(values) + 1} of {len(pairs)})", wanted, action)
        values[structure] = int(value)
    if values.pop("background", 0) != 0 or not values or len({0, *values.values()}) <= len(values):
        raise _fault(dataset, f"{len(values)} structures beside a background of 0", wanted, action)
    return values


def _training_pair(entry: object) -> tuple[object, object]:
    return (entry.get("image"), entry.get("label")) if isinstance(entry, dict) else (None, None)


def _image_of(entry: object) -> object:
    return entry.get("image") if isinstance(entry, dict) else entry


def _existing(root: Path, texts: Sequence[object], dataset: str) -> list[Path]:
    """Return the files that are listed, also where nnU-Net has added ``_0000`` to the name."""
    paths = [path_inside(root, text) if isinstance(text, str) else None for text in texts]
    outside = sum(path is None for path in paths)
    if outside:
        found = f"{outside} of {len(paths)} listed paths that lead out of the folder"
        raise _fault(dataset, found, "./imagesTr/... and ./labelsTr/...", "correct dataset.json")
    files = [next((file for file in _spellings(path) if file.is_file()), None) for path in paths if path is not None]
    lacking = sum(file is None for file in files)
    if lacking:
        wanted, action = "every file that dataset.json lists", "unpack the archive again"
        raise _fault(dataset, f"{lacking} of {len(files)} listed files not there", wanted, action)
    return [file for file in files if file is not None]


def _spellings(path: Path) -> Sequence[Path]:
    endings = [ending for ending in ENDINGS if path.name.endswith(ending)]
    return [path, *(path.with_name(f"{path.name.removesuffix(ending)}_0000{ending}") for ending in endings[:1])]


def _image_names(folder: Path) -> list[str]:
    names = [path.name for path in folder.glob("*") if path.name.endswith(ENDINGS)]
    return sorted(name for name in names if not name.startswith("."))


def _case_file(name: str) -> str:
    """Return the file name without the channel number, as the label is called."""
    return re.sub(r"_0000(?=\.)", "", name)


def _fault(dataset: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(dataset, "", found=found, wanted=wanted, action=action)
