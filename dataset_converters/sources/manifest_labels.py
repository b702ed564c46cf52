"""What the masks of a user's own collection hold, by value or name: from ``manifest.toml`` or the table's columns."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_converters.annotations.structure_masks import Structure
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED, DatasetInfo
from dataset_converters.sources.manifest_lines import STRUCTURE
from dataset_converters.sources.manifest_table import Manifest
from dataset_converters.sources.path_inside import path_inside

LABELS = "manifest.toml"
_TEXTS = ("title", "paper", "access", "licence", "citation", "lung_definition")
_LARGEST_BYTES = 2**20
_WHOLE_VALUES = range(1, 2**16)
_WANTED = (
    "[labels] with one line per structure: name = number in the masks, or list of numbers and ROI or segment names, "
    'or {source = [...], optional = true}; for example right_lung = [2, "Lung_R"]'
)


@dataclass(frozen=True)
class ManifestLabels:
    """What ``manifest.toml`` says.

    Attributes
    ----------
    structures : mapping
        By name, in the order of their priority: later ones win where masks overlap.
    texts : mapping
        What the collection is: title, licence...
    unlisted : bool
        Whether values of label maps that no structure has count as background.
    """

    structures: Mapping[str, Structure]
    texts: Mapping[str, str]
    unlisted: bool = False

    def in_one_file(self) -> tuple[Structure, ...]:
        """Return the structures of a file that holds all of them; its other values count as background if so asked."""
        listed = {number for found in self.structures.values() for number in found.numbers}
        others = tuple(number for number in _WHOLE_VALUES if number not in listed) if self.unlisted else ()
        return (Structure(0, others, optional=True), *self.structures.values())

    @property
    def labels(self) -> dict[str, int]:
        """Label values by structure, with background."""
        named = {name: found.value for name, found in self.structures.items() if 0 < found.value < IGNORED}
        return {"background": 0, **named}


def read_labels_file(root: Path, manifest: Manifest, *, dataset: str) -> ManifestLabels:
    """Return the structures of ``root/manifest.toml``; without that file, of the ``mask:READER:STRUCTURE`` columns.

    Raises
    ------
    ConversionError
        The file is wrong, lacks a structure of the table, or is needed and not there.
    """
    path = path_inside(root, LABELS)
    content = _read(path, dataset) if path is not None and path.is_file() else {}
    entries = content.get("labels", {name: [name] for name in manifest.structures})
    structures = _structures(entries, dataset)
    texts = {name: _text(content, name, dataset) for name in _TEXTS if name in content}
    known = ManifestLabels(structures, texts, content.get("unlisted") == "background")
    if len(known.labels) < 2 or (manifest.whole_files and "labels" not in content):
        raise _fault(dataset, "no [labels]: what the values of mask:READER files mean is not known", _WANTED)
    lacking = [name for name in manifest.structures if name not in structures]
    if lacking:
        raise _fault(dataset, f"{len(lacking)} mask columns of structures that [labels] does not list", _WANTED)
    return known


def describe_manifest(info: DatasetInfo, manifest: Manifest, labels: ManifestLabels) -> DatasetInfo:
    """Return what the dataset is with the labels, variants and texts of its table."""
    variants = manifest.variants or info.variants
    return replace(info, labels=labels.labels, variants=variants, **labels.texts)  # type: ignore[arg-type]


def _read(path: Path, dataset: str) -> dict[str, object]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _fault(dataset, "more than 1 MiB", "a short text")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeError, OSError, RecursionError) as error:
        raise _fault(dataset, f"no TOML text ({type(error).__name__})", _WANTED) from None
    unknown = content.keys() - {*_TEXTS, "labels", "unlisted"}
    if unknown or content.get("unlisted", "refuse") not in ("refuse", "background"):
        wanted = f'{", ".join(_TEXTS)}, unlisted = "refuse" or "background", and [labels]; nothing else'
        raise _fault(dataset, f"{len(unknown)} other entries, or another value of unlisted", wanted)
    return content


def _text(content: Mapping[str, object], name: str, dataset: str) -> str:
    text = content[name]
    if not isinstance(text, str) or not text.strip() or len(text) > 400 or not text.isprintable():
        raise _fault(dataset, f"{name} that is no plain text", "text of one line, at most 400 characters")
    return text


def _structures(entries: object, dataset: str) -> dict[str, Structure]:
    if not isinstance(entries, dict):
        raise _fault(dataset, "labels that are no table", _WANTED)
    structures: dict[str, Structure] = {}
    for name, entry in entries.items():
        sources, optional = (
            (entry.get("source"), entry.get("optional", False)) if isinstance(entry, dict) else (entry, False)
        )
        sources = sources if isinstance(sources, list) else [sources]
        numbers = tuple(source for source in sources if type(source) is int and -(2**31) <= source < 2**31)
        names = tuple(source for source in sources if isinstance(source, str) and source.strip())
        plain = isinstance(optional, bool) and (not isinstance(entry, dict) or entry.keys() <= {"source", "optional"})
        if not STRUCTURE.fullmatch(name) or len(numbers) + len(names) != len(sources) or not plain:
            raise _fault(dataset, f"entry {len(structures) + 1} of [labels] of another form", _WANTED)
        fixed = {"background": 0, "ignore": IGNORED}.get(name)
        value = 1 + sum(0 < other.value < IGNORED for other in structures.values()) if fixed is None else fixed
        named = names or ((name,) if fixed is None else ())
        structures[name] = Structure(value, numbers, named, optional or fixed is not None)
    _refuse_shared(structures, dataset)
    return structures


def _refuse_shared(structures: Mapping[str, Structure], dataset: str) -> None:
    for kind in ("numbers", "names"):
        sources = [source for found in structures.values() for source in getattr(found, kind)]
        if len(set(sources)) != len(sources):
            raise _fault(dataset, f"{kind} that [labels] gives to two structures", "one structure for each")


def _fault(dataset: str, found: str, wanted: str) -> ConversionError:
    return ConversionError(dataset, "", found=f"{LABELS}: {found}", wanted=wanted, action=f"correct or add {LABELS}")
