"""``list`` and ``show``: the datasets there are, and all a person needs to obtain and convert one."""

import argparse
import inspect
import textwrap
from collections.abc import Sequence

from dataset_converters.records import DatasetInfo
from dataset_converters.registry import DatasetModule, find_dataset, list_datasets
from dataset_converters.sources.overlaps import models_trained_on, other_collections, overlaps_of

_LAYOUTS = {
    "real data": "real data: this converter was run on the published files",
    "public programs": "public programs that read the published files",
    "unconfirmed": "reports only; where the files differ, conversion stops and says what it found",
    "own data": "you lay out the files as shown",
}
_WIDTH = 110


def list_command(options: argparse.Namespace) -> int:
    """Print one line a dataset."""
    rows = [("dataset (id)", "cases", "layout", "labels", "title")]
    rows += [_row(module.DATASET) for module in list_datasets()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]))
    print("\nlayout: what the expected folders and names rest on; more: python -m dataset_converters show NAME")
    return 0


def show_command(options: argparse.Namespace) -> int:
    """Print all that is known of one dataset."""
    print(format_dataset(find_dataset(options.dataset)))
    return 0


def format_dataset(module: DatasetModule) -> str:
    """Return title, how to obtain it, licence, layout, labels, variants, faults, overlaps and options as text."""
    info = module.DATASET
    varies = " (depends on the options)" if hasattr(module, "describe") else ""
    structures = [f"{value} {name}" for name, value in info.labels.items() if name != "background"]
    parts = [
        _part("id", [f"{info.dataset_id}: Dataset{info.dataset_id:03d}_{info.name}"]),
        _part("paper", [info.paper]),
        _part("obtain", [info.access]),
        _part("licence", [info.licence]),
        _part("cite", [info.citation]),
        _part("cases", ["as many as you have" if info.expected_cases is None else str(info.expected_cases)]),
        _part(f"labels{varies}", [", ".join(structures)]),
        _part(f"variants{varies}", [", ".join(f"{name} ({kind})" for name, kind in info.variants.items())]),
        _part("lung definition", [info.lung_definition]),
        _part("known faults", info.faults or ("none known",)),
        _part("overlaps", _overlaps(info) or ("none known",)),
        _part("models that saw it", [f"{seen.model}: {seen.evidence}" for seen in models_trained_on(info.name)]),
        _part("options", [f"--option {name}=...  {text}" for name, text in info.options.items()] or ["none"]),
        _part("layout rests on", [_LAYOUTS[info.layout]]),
        _layout(module),
        _part("convert", [f"python -m dataset_converters convert {info.name} --in DIR --out DIR [--dry-run]"]),
    ]
    return "\n".join([f"{info.name}: {info.title}", "", *(part for part in parts if part)])


def _row(info: DatasetInfo) -> tuple[str, str, str, str, str]:
    names = [name for name in info.labels if name != "background"]
    labels = ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} + {len(names) - 2}"
    cases = "" if info.expected_cases is None else str(info.expected_cases)
    return f"{info.name} ({info.dataset_id})", cases, info.layout, labels, info.title


def _part(name: str, texts: Sequence[str]) -> str:
    """Return a heading with its text behind it, or with several texts below it; empty without text."""
    if not texts:
        return ""
    first, *more = texts
    if not more:
        return textwrap.fill(
            first, _WIDTH, initial_indent=f"{name}: ", subsequent_indent="    ", break_long_words=False
        )
    lines = [
        textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
        for text in (first, *more)
    ]
    return "\n".join([f"{name}:", *lines])


def _overlaps(info: DatasetInfo) -> Sequence[str]:
    """Return the registered overlaps, then those only the dataset file names."""
    known = overlaps_of(info.name)
    partners = {overlap.partner(info.name) for overlap in known}
    titles = other_collections()
    lines = [
        f"{titles.get(overlap.partner(info.name), overlap.partner(info.name))}: {overlap.kind}; {overlap.evidence}"
        for overlap in known
    ]
    return [*lines, *(text for text in info.overlaps if text not in partners)]


def _layout(module: DatasetModule) -> str:
    """Return the section ``Layout`` of a dataset file's docstring, as written there."""
    lines = inspect.cleandoc(module.__doc__ or "").splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip().lower() == "layout"), None)
    if start is None:
        return ""
    section = []
    for line in lines[start + 1 :]:
        if line and not line.startswith(" "):
            break
        section.append(line)
    return "layout:\n" + textwrap.indent(textwrap.dedent("\n".join(section)).strip("\n"), "  ")
