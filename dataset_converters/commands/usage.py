"""What a person types, read strictly: ``KEY=VALUE`` pairs, TOML values, spec files."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPEC_KEYS = {
    "converter",
    "root",
    "out",
    "nnunet_name",
    "dataset_id",
    "training_reader",
    "options",
    "exclude",
    "derive",
    "workers",
    "link",
}


class UsageError(Exception):
    """An argument or a spec file is wrong; the message says what was found and wanted."""


def key_and_value(entry: str, wanted: str) -> tuple[str, str]:
    """Split ``KEY=VALUE``.

    Raises
    ------
    UsageError
        There is no key or no ``=``.
    """
    key, separator, value = entry.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"found {entry!r}; wanted {wanted}")
    return key.strip(), value


def toml_options(entries: Sequence[str]) -> dict[str, Any]:
    """Return the options of ``--option KEY=VALUE``: a number, list or such as TOML reads it, else the text itself.

    Raises
    ------
    UsageError
        A value is empty, or begins like TOML text, list or table and is none.
    """
    options: dict[str, Any] = {}
    for entry in entries:
        key, value = key_and_value(entry, "--option KEY=VALUE")
        options[key] = _option_value(key, value)
    return options


def toml_table(entry: str) -> dict[str, Any]:
    """Return a table written as TOML writes it on one line.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        table = tomllib.loads(f"value = {entry}")["value"]
    except tomllib.TOMLDecodeError:
        table = None
    if not isinstance(table, dict):
        raise UsageError(f'found {entry!r}; wanted a TOML table: {{name = "...", variant = "...", of = "..."}}')
    return table


def _option_value(key: str, text: str) -> Any:
    try:
        content = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        if text.strip()[:1] in ("", '"', "'", "[", "{"):
            wanted = f"text, or a TOML value: 3, true, [1, 2] (in a shell: --option '{key}=[1, 2]')"
            raise UsageError(f"--option {key}: found {text!r}; wanted {wanted}") from None
        return text
    return content["value"] if len(content) == 1 else text


def read_spec(path: Path) -> dict[str, Any]:
    """Return the settings of a conversion from a JSON file.

    Raises
    ------
    UsageError
        It is no JSON table with the keys of `SPEC_KEYS`, ``converter``, ``root`` and ``out`` among them.
    """
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path}: found no JSON; wanted a spec file") from None
    if not isinstance(spec, dict) or not {"converter", "root", "out"} <= set(spec) <= SPEC_KEYS:
        found = sorted(spec) if isinstance(spec, dict) else type(spec).__name__
        raise UsageError(f"{path}: found {found}; wanted converter, root, out and any of {sorted(SPEC_KEYS)}")
    spec["dataset_id"] = spec.get("dataset_id") or None
    spec["nnunet_name"] = spec.get("nnunet_name") or None
    return spec
