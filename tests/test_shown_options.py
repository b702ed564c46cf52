"""No path of an option leaves in a converted dataset, and a change of what it names is noticed."""

import hashlib
import json
from pathlib import Path

import pytest
from toy_dataset import Convert, files_below, make_case, make_image

from dataset_converters.records import CtImage
from dataset_converters.writing.shown_options import shown_options

SECRET = "MUELLER_HANS_19630412"


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder called after a patient, with one file."""
    folder = tmp_path / SECRET
    folder.mkdir()
    (folder / "table.toml").write_bytes(b"a = 1")
    return folder


def test_markers_stand_for_files_folders_and_slashes(named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = f"file sha256:{hashlib.sha256(b'a = 1').hexdigest()}"
    options = {
        "file": str(named / "table.toml"),
        "folder": str(named),
        "below": "table.toml",
        "absent": f"somewhere/{SECRET}",
        "list": [3, str(named), "soft"],
        "table": {"inner": str(named)},
        "plain": "soft",
        "empty": "",
        "number": 0.5,
    }
    assert shown_options(options, root=named) == {
        "file": file,
        "folder": "folder",
        "below": file,
        "absent": "text with a slash, not shown",
        "list": [3, "folder", "soft"],
        "table": {"inner": "folder"},
        "plain": "soft",
        "empty": "",
        "number": 0.5,
    }
    monkeypatch.chdir(named.parent)
    assert shown_options({"folder": SECRET}, root=named) == {"folder": "folder"}


@pytest.mark.parametrize("whole_folder", [False, True])
def test_no_output_holds_the_path_and_changes_are_noticed(
    run_with: Convert, tmp_path: Path, named: Path, whole_folder: bool
) -> None:
    calls: list[str] = []

    def load() -> CtImage:
        calls.append("P1")
        return CtImage(make_image(1), {})

    file = named / "table.toml"
    case, options = make_case("P1", images={"LK": load}), {"depth": str(named if whole_folder else file)}
    folder = run_with(case, options=options)
    run_with(case, options=options)
    assert len(calls) == 1
    files = files_below(tmp_path / "run")
    assert any(name.endswith("records/P1.json") for name in files)
    for name, content in files.items():
        assert SECRET not in name
        assert SECRET.encode() not in content
        assert str(tmp_path).encode() not in content
    shown = json.loads((folder / "dataset.json").read_text())["provenance"]["options"]["depth"]
    assert shown == "folder" if whole_folder else shown.startswith("file sha256:")
    file.write_bytes(b"a = 21")
    run_with(case, options=options)
    assert len(calls) == 2


def test_another_text_with_a_slash_is_noticed_though_not_shown(run_with: Convert) -> None:
    calls: list[str] = []

    def load() -> CtImage:
        calls.append("P1")
        return CtImage(make_image(1), {})

    case = make_case("P1", images={"LK": load})
    for text, count in (("GTV/1", 1), ("GTV/1", 1), ("GTV/2", 2)):
        run_with(case, options={"depth": text})
        assert len(calls) == count
