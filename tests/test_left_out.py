"""Every file of a collection is accounted for: a case, a refusal, or a note on what was left out."""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets import (
    chaos,
    covid19_ct_seg,
    ct_org,
    hug_ild,
    lits,
    luna16,
    lung_dx,
    mosmed,
    msd,
    osic,
    plethora,
    visceral,
)
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.errors import ConversionError
from dataset_converters.registry import dataset_names, find_dataset, left_out
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.writing.writer import convert

SLICES = (".dcm", ".ima")
SECOND_HALF = (".raw", ".zraw")
"""Files that another one names."""


def units(root: Path) -> Iterator[list[Path]]:
    """Yield the slices of every folder, and every other file by itself."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        if path.suffix.lower() in SLICES:
            folders[path.parent].append(path)
        elif path.suffix not in SECOND_HALF:
            yield [path]
    yield from folders.values()


@pytest.mark.parametrize("name", sorted(set(dataset_names()) - {"phantom"}))
def test_no_annotated_case_goes_without_a_word(name: str, tmp_path: Path) -> None:
    """Whatever file (or series) of a sample is lost: refused, noted, or every annotated case is still there."""
    root, aside = tmp_path / "source", tmp_path / "aside"
    find_dataset(name).make_sample(root)
    before, notes = listed(name, root)
    silent = []
    for lost in units(root):
        aside.mkdir()
        for path in lost:
            shutil.move(path, aside / path.name)
        try:
            after, notes_after = listed(name, root)
            if not before <= after and notes_after == notes:
                silent.append(str(lost[0].relative_to(root)))
        except (ConversionError, ConversionErrors):
            pass
        for path in lost:
            shutil.move(aside / path.name, path)
        aside.rmdir()
    assert silent == []


def listed(name: str, root: Path) -> tuple[set[tuple[str, str]], tuple[str, ...]]:
    """Return case and variant of what is annotated, and the notes."""
    module = find_dataset(name)
    cases = module.list_cases(root)
    return {(one.case, variant) for one in cases if one.annotations for variant in one.images}, left_out(
        module, root, {}
    )


@pytest.mark.parametrize(
    ("module", "lost", "found"),
    [
        (ct_org, "*/volume-21.nii.gz", "volume_21: found labels without volume"),
        (lits, "*/volume-27.nii", "volume_27: found a segmentation without volume"),
        (visceral, "volumes/*/10000112*", "10000112_1_CTce_ThAb: found masks without image"),
        (chaos, "Train_Sets/CT/12/DICOM_anon", "chaos_12: found 0 slices and"),
    ],
)
def test_masks_without_image_are_refused(tmp_path: Path, module: Any, lost: str, found: str) -> None:
    module.make_sample(tmp_path)
    (path,) = tmp_path.glob(lost)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ConversionError, match=found):
        module.list_cases(tmp_path)


def test_luna_masks_of_absent_subsets_are_noted_and_others_refused(tmp_path: Path) -> None:
    luna16.make_sample(tmp_path)
    next((tmp_path / "subset7").glob("*.mhd")).unlink()
    (note,) = luna16.left_out(tmp_path)
    assert note == "1 masks left out: no image of their name; not all ten subsets are there"
    assert len(luna16.list_cases(tmp_path)) == 1
    for number in range(1, 10):
        write_sample(tmp_path / f"subset{number}" / f"1.9.{number}.mhd", sample_chest(1).image)
        write_sample(tmp_path / "seg-lungs-LUNA16" / f"1.9.{number}.mhd", sample_chest(1).labels(trachea=5))
    assert luna16.left_out(tmp_path) == ()
    with pytest.raises(ConversionError, match=r"luna_[0-9a-f]{10}: found a mask without image"):
        luna16.list_cases(tmp_path)


def test_images_in_eight_bits_are_noted(tmp_path: Path) -> None:
    covid19_ct_seg.make_sample(tmp_path)
    assert notes_of(covid19_ct_seg, tmp_path) == (
        "2 images left out: 8-bit values; option cases = 8bit takes them, alone",
    )
    assert notes_of(covid19_ct_seg, tmp_path, cases="8bit") == (
        "2 images left out: values in HU; option cases = hu takes them, alone",
    )


def test_studies_without_mask_are_noted_unless_taken(tmp_path: Path) -> None:
    mosmed.make_sample(tmp_path)
    assert notes_of(mosmed, tmp_path) == (
        "1 studies left out: no mask; option unlabelled = true takes them as images alone",
    )
    assert notes_of(mosmed, tmp_path, unlabelled=True) == ()


def test_scans_without_mask_are_noted(tmp_path: Path) -> None:
    osic.make_sample(tmp_path)
    assert notes_of(osic, tmp_path) == ()
    next(tmp_path.glob("nrrd_lung/nrrd_lung/*6430_lung.nrrd")).unlink()
    assert notes_of(osic, tmp_path) == ("1 CTs left out: no lung mask",)


def test_patients_without_effusion_are_noted(tmp_path: Path) -> None:
    plethora.make_sample(tmp_path)
    assert notes_of(plethora, tmp_path, effusion="drawn") == ("1 patients left out: no effusion drawn",)
    shutil.rmtree(tmp_path / "Thoracic_Cavities" / "LUNG1-005")
    assert notes_of(plethora, tmp_path)[0] == "1 CTs left out: no thoracic cavity drawn"


def test_series_and_boxes_that_do_not_meet_are_noted(tmp_path: Path) -> None:
    lung_dx.make_sample(tmp_path)
    assert notes_of(lung_dx, tmp_path) == ()
    (tmp_path / "Annotation" / "A0001" / "1.2.3.4.xml").write_text("<annotation/>")
    copies = tmp_path / "Lung_Dx-A0001" / "study" / "copy"
    write_ct_series(copies, sample_chest(9, spacing_mm=(10.0, 10.0, 30.0)).image, kernel="L", manufacturer="Philips")
    assert notes_of(lung_dx, tmp_path) == (
        "1 CT series left out: no box on them, nor on a reconstruction of their acquisition and grid",
        "1 box files left out: no CT slice of theirs is here",
    )


def test_series_without_regions_are_noted_where_regions_are_asked_for(tmp_path: Path) -> None:
    hug_ild.make_sample(tmp_path)
    assert notes_of(hug_ild, tmp_path, regions="patterns") == ()
    shutil.rmtree(tmp_path / "ILD_DB_volumeROIs" / "3")
    assert notes_of(hug_ild, tmp_path) == ()
    assert notes_of(hug_ild, tmp_path, regions="patterns") == ("1 series left out: no regions in ILD_DB_volumeROIs",)
    shutil.rmtree(tmp_path / "ILD_DB_lungMasks" / "21")
    assert notes_of(hug_ild, tmp_path) == (
        "1 series of regions left out: no slices and lung masks in ILD_DB_lungMasks",
    )


def test_files_that_the_decathlon_does_not_list_are_noted_or_refused(tmp_path: Path) -> None:
    msd.make_sample(tmp_path)
    content = json.loads((tmp_path / "dataset.json").read_text())
    assert notes_of(msd, tmp_path) == ()
    content["training"] = content["training"][:1]
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    (note,) = notes_of(msd, tmp_path)
    assert note == "2 images and labels left out: dataset.json does not list them"
    del content["training"]
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    next((tmp_path / "imagesTr").glob("case*")).unlink()
    with pytest.raises(ConversionError, match="found 1 labels without image"):
        msd.list_cases(tmp_path)


def test_notes_reach_the_list_of_cases(tmp_path: Path) -> None:
    mosmed.make_sample(tmp_path / "source")
    folder = convert("mosmed", tmp_path / "source", tmp_path / "run", progress=False)
    notes = json.loads((tmp_path / "run" / "annotations" / folder.name / "cases.json").read_text())["notes"]
    assert any(note.startswith("1 studies left out") for note in notes)


def notes_of(module: Any, root: Path, **options: object) -> Sequence[str]:
    return left_out(module, root, options)
