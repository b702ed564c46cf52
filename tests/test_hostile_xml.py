"""XML of strangers that expands without end or points elsewhere."""

from pathlib import Path

import pytest

from dataset_converters.annotations.safe_xml import read_xml
from dataset_converters.volumes.stored_voxels import UnreadableFileError


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
        '<!DOCTYPE x SYSTEM "http://localhost/x.dtd"><x/>',
        "<x>" * 5000 + "</x>" * 5000,
        "<x>&undefined;</x>",
        "<x",
        "",
        '<?xml version="1.0" encoding="no-such"?><x/>',
    ],
)
def test_xml_that_expands_or_points_elsewhere_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.xml"
    path.write_text(text)
    with pytest.raises(UnreadableFileError):
        read_xml(path)
