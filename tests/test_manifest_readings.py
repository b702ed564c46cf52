"""LIDC-IDRI readings in a table: one session of an XML file is a reader's mask of one structure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets.manifest import describe, list_cases
from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

COLUMNS = "case,image,mask:session1:nodule,mask:session2:nodule"


@pytest.fixture
def slice_uids(tmp_path: Path) -> list[str]:
    """One DICOM series on the disk; return the identities of its slices from the feet."""
    chest = sample_chest(5)
    series = write_ct_series(tmp_path / "slices", chest.image, kernel="B", manufacturer="Philips")
    write_sample(tmp_path / "ct.nii.gz", chest.image)
    headers = read_headers(series.files, dataset="demo", case="")
    headers.sort(key=lambda header: float(header.ImagePositionPatient[2]))
    return [str(header.SOPInstanceUID) for header in headers]


def write_reading(file: Path, *outlines: tuple[str, Sequence[tuple[int, int]]]) -> None:
    """Write a session for each outline: the slice's identity and the pixels round a nodule."""
    sessions = ""
    for uid, points in outlines:
        edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
        roi = f"<roi><imageSOP_UID>{uid}</imageSOP_UID><inclusion>TRUE</inclusion>{edges}</roi>"
        sessions += f"<readingSession><unblindedReadNodule>{roi}</unblindedReadNodule></readingSession>"
    file.write_text(f"<LidcReadMessage>{sessions}</LidcReadMessage>")


def square(left: int, top: int) -> list[tuple[int, int]]:
    """Corners of 4 x 4 pixels: the outline's own pixels left out, 2 x 2 are inside."""
    return [(left, top), (left + 3, top), (left + 3, top + 3), (left, top + 3), (left, top)]


def write_table(root: Path, *cells: str, columns: str = COLUMNS) -> None:
    (root / "manifest.csv").write_text(f"{columns}\n{','.join(cells)}\n")


def test_each_session_is_a_reader_on_the_slice_it_names(tmp_path: Path, slice_uids: list[str]) -> None:
    write_reading(tmp_path / "reading.xml", (slice_uids[2], square(5, 7)), (slice_uids[4], square(9, 3)))
    write_table(tmp_path, "L01", "slices", "reading.xml#1", "reading.xml#2")
    assert describe(tmp_path).labels == {"background": 0, "nodule": 1}
    (case,) = list_cases(tmp_path)
    image = case.images["CT"]().image
    for reader, z, left, top in (("session1", 2, 5, 7), ("session2", 4, 9, 3)):
        wanted = np.zeros(image.GetSize()[::-1], np.uint8)
        wanted[z, top + 1 : top + 3, left + 1 : left + 3] = 1
        assert np.array_equal(sitk.GetArrayFromImage(case.annotations[reader](image)), wanted)


@pytest.mark.parametrize(
    ("image", "cell", "found"),
    [
        ("slices", "reading.xml#3", "2 sessions, but number 3"),
        ("slices", "reading.xml", "2 sessions, and no number"),
        ("ct.nii.gz", "reading.xml#1", "slices have no DICOM identity"),
    ],
)
def test_what_cannot_be_placed_is_refused(
    tmp_path: Path, slice_uids: list[str], image: str, cell: str, found: str
) -> None:
    write_reading(tmp_path / "reading.xml", (slice_uids[2], square(5, 7)), (slice_uids[4], square(9, 3)))
    write_table(tmp_path, "L01", image, cell, "")
    (case,) = list_cases(tmp_path)
    with pytest.raises(ConversionError, match=f"manifest: L01: found .*{found}"):
        case.annotations["session1"](case.images["CT"]().image)


def test_a_reading_is_no_file_of_all_structures(tmp_path: Path, slice_uids: list[str]) -> None:
    write_reading(tmp_path / "reading.xml", (slice_uids[2], square(5, 7)))
    (tmp_path / "manifest.toml").write_text("[labels]\nnodule = 1\n")
    write_table(tmp_path, "L01", "slices", "reading.xml#1", columns="case,image,mask:session1")
    (case,) = list_cases(tmp_path)
    with pytest.raises(ConversionError, match="wanted it in a column mask:READER:STRUCTURE"):
        case.annotations["session1"](case.images["CT"]().image)


@pytest.mark.parametrize("cell", ["other.xml#1", "../reading.xml#1", "reading.xml#0", "ct.nii.gz#1"])
def test_readings_that_are_not_there_are_refused_when_listing(tmp_path: Path, slice_uids: list[str], cell: str) -> None:
    write_reading(tmp_path / "reading.xml", (slice_uids[2], square(5, 7)))
    write_table(tmp_path, "L01", "slices", cell, "")
    with pytest.raises((ConversionError, ConversionErrors), match="column mask:session1:nodule"):
        list_cases(tmp_path)
