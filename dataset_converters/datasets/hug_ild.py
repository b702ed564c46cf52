"""HUG ILD (MedGIFT): HRCT of interstitial lung diseases with lung masks and sparse regions of tissue patterns.

Paper
    Depeursinge et al. 2012, Comput Med Imaging Graph 36:227-238. Chassagnon 2020 names it as the largest public set.
Access
    Signed licence agreement with HES-SO (http://medgift.hevs.ch): (1) ask for the "Multimedia database of interstitial
    lung diseases", (2) sign and return the agreement, (3) unpack the trees below one folder.
Licence
    As in the agreement: research, no redistribution.
Layout
    ``ILD_DB_lungMasks/<patient>/CT-XXXX-YYYY.dcm`` with ``lung_mask/lung_mask_XXXX_Y.dcm``, and
    ``ILD_DB_volumeROIs/<patient>/roi_mask/roi_mask_XXXX_Y.dcm`` for regions. Some patients have a folder per visit
    (``<patient>/<visit>/``), some lie in ``HRCT_pilot/<patient>``. Within a folder, masks pair with slices by the last
    number of the names (zeros in front do not count). Several public programs read this. The third tree,
    ``ILD_DB_txtROIs/<patient>/*.txt``, holds the regions as outlines: read with ``regions_from = text``. Its points are
    taken as mm, as the authors' own readers do, and its slice numbers as those of the files: neither is confirmed, nor
    that its labels are called as `PATTERNS`; what does not fit is refused. Look at an overlay.
Labels
    Option ``regions``: ``none`` (default) gives 1 lung. ``disease``: 1 lung (marked healthy), 2 disease (any other
    pattern). ``patterns``: one label per pattern (`PATTERNS`). Series without regions are then left out, with a note.
Lung definition
    Lung mask of the publishers; trachea, effusion and consolidation not stated; no tumours.
Readers
    ``lungs`` or, with regions, ``regions``: two radiologists in agreement.
Kernels
    Read from the files.
Faults
    Regions are sparse: lung that nobody marked is unknown, not healthy, and is left open (`IGNORED`), as is a slice
    without region mask. Slices lie about 10 mm apart and are 1 to 2 mm thick: the spacing is their distance, so models
    that look across slices are out of place (use 2-D). A slice without lung mask, a mask without slice, and unknown
    values are refused. JPEG exports of other sites corrupt labels and do not fit this layout.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.dicom_planes import stack_planes, write_planes
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED, Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.hug_files import TREES, HugSeries, RegionsFrom, case_name, find_series
from dataset_converters.sources.hug_text_regions import read_text_regions
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.option_choice import check_choice
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="hug_ild",
    dataset_id=715,
    title="HUG interstitial lung diseases (MedGIFT)",
    paper="Depeursinge A et al. Building a reference multimedia database for interstitial lung diseases. "
    "Comput Med Imaging Graph 2012;36:227-238. doi:10.1016/j.compmedimag.2011.07.003",
    access="signed agreement; medgift.hevs.ch",
    licence="research only as agreed; not for redistribution",
    citation="Depeursinge et al. 2012, Comput Med Imaging Graph 36:227-238",
    labels={"background": 0, "lung": 1},
    variants={"CT": "native"},
    lung_definition="the publishers' lung masks: trachea, effusion and consolidation not stated; no tumours",
    faults=(
        "Regions are sparse: unmarked lung is left open, never counted healthy.",
        "Slices about 10 mm apart: spacing is the distance, not the thickness; use 2-D.",
        "Text regions: unit (mm), slice numbers and names not confirmed; read only if asked for.",
    ),
    options={
        "regions": "none (default: lungs), disease (healthy and diseased regions), or patterns",
        "regions_from": "masks (default: ILD_DB_volumeROIs) or text (ILD_DB_txtROIs, points in mm: not confirmed)",
    },
    layout="public programs",
)

PATTERNS = (
    "healthy",
    "emphysema",
    "ground_glass",
    "fibrosis",
    "micronodules",
    "consolidation",
    "bronchial_wall_thickening",
    "reticulation",
    "macronodules",
    "cysts",
    "peripheral_micronodules",
    "bronchiectasis",
    "air_trapping",
    "early_fibrosis",
    "increased_attenuation",
    "tuberculosis",
    "pcp",
)
"""Values 1 to 17 of the region masks; two public programs agree on them."""

Regions = Literal["none", "disease", "patterns"]

_LABELS: dict[str, tuple[str, ...]] = {"none": ("lung",), "disease": ("lung", "disease"), "patterns": PATTERNS}


def describe(root: Path, *, regions: Regions = "none", regions_from: RegionsFrom = "masks") -> DatasetInfo:
    """What the dataset is with the chosen regions as labels.

    Raises
    ------
    ConversionError
        An option has no such choice.
    """
    _check(regions, regions_from)
    return replace(
        DATASET, labels={"background": 0, **{name: value for value, name in enumerate(_LABELS[regions], start=1)}}
    )


def list_cases(root: Path, *, regions: Regions = "none", regions_from: RegionsFrom = "masks") -> list[Case]:
    """Cases below ``root``, one per folder with slices or lung masks (and regions, if asked for).

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout; a series whose masks and slices do not go together: all at once.
    """
    _check(regions, regions_from)
    series = {
        case_name(found.folder): found
        for found in find_series(root, dataset=DATASET.name)
        if found.slices or found.lungs
    }
    if regions != "none":
        series = {case: found for case, found in series.items() if found.has_regions(regions_from)}
    if not series:
        tree = {"masks": "ILD_DB_volumeROIs/<patient>/roi_mask/roi_mask_XXXX_Y.dcm"}
        beside = "" if regions == "none" else f" and {tree.get(regions_from, 'ILD_DB_txtROIs/<patient>/*.txt')}"
        raise layout_error(
            DATASET,
            root,
            wanted=f"ILD_DB_lungMasks/<patient>/CT-XXXX-YYYY.dcm with lung_mask/lung_mask_XXXX_Y.dcm{beside}",
        )

    def read(place: Path) -> Case:
        return _read_case(place.name, series[place.name], regions, regions_from)

    return collect_cases(DATASET.name, map(Path, sorted(series)), read)


def left_out(root: Path, *, regions: Regions = "none", regions_from: RegionsFrom = "masks") -> tuple[str, ...]:
    """Say how many series have no regions, or regions alone."""
    found = find_series(root, dataset=DATASET.name)
    whole = [one for one in found if one.slices or one.lungs]
    plain = [one for one in whole if regions != "none" and not one.has_regions(regions_from)]
    return (
        *left_out_note(len(plain), "series", f"no regions in {TREES[regions_from]}"),
        *left_out_note(len(found) - len(whole), "series of regions", "no slices and lung masks in ILD_DB_lungMasks"),
    )


def make_sample(root: Path) -> None:
    """Write two invented patients: thin slices far apart, lung masks on all, regions on some."""
    for patient, number in (("3", "1234"), ("21", "0077")):
        chest = sample_chest(int(patient))
        folder = root / "ILD_DB_lungMasks" / patient
        written = write_ct_series(
            folder, chest.image, kernel="B60f", manufacturer="SIEMENS", SliceThickness="1", SpacingBetweenSlices="22"
        )
        regions = chest.labels(heart=0, disease=3, effusion=6)
        for z, file in enumerate(written.files):
            file.rename(folder / f"CT-{number}-{z + 1:04d}.dcm")
        names = [str(z + 1) for z in range(len(written.files))]
        lungs = sitk.GetArrayFromImage(chest.structures["lung"])
        write_planes(folder / "lung_mask", {f"lung_mask_{int(number) + 1}_{z}.dcm": lungs[int(z) - 1] for z in names})
        marked = sitk.GetArrayFromImage(regions)
        write_planes(
            root / "ILD_DB_volumeROIs" / patient / "roi_mask",
            {f"roi_mask_{int(number) + 1}_{z}.dcm": marked[int(z) - 1] for z in names if marked[int(z) - 1].any()},
        )


def _check(regions: str, regions_from: str) -> None:
    check_choice(regions, get_args(Regions), option="regions", dataset=DATASET.name)
    check_choice(regions_from, get_args(RegionsFrom), option="regions_from", dataset=DATASET.name)


def _read_case(case: str, series: HugSeries, regions: Regions, regions_from: RegionsFrom) -> Case:
    faults = []
    for name, masks, all_slices in (("lung", series.lungs, True), ("region", series.regions, False)):
        if all_slices and series.slices.keys() - masks.keys():
            faults.append(f"{len(series.slices.keys() - masks.keys())} slices without {name} mask")
        if masks.keys() - series.slices.keys() and (all_slices or (regions != "none" and regions_from == "masks")):
            faults.append(f"{len(masks.keys() - series.slices.keys())} {name} masks without slice")
    if faults:
        action = "unpack the trees again, or exclude the series with a reason"
        found = f"{', '.join(faults)} (of {len(series.slices)} slices)"
        raise ConversionError(DATASET.name, case, found=found, wanted="masks that pair with slices", action=action)
    read = partial(_read_lungs, series, case)
    if regions != "none":
        read = partial(_read_regions, series, regions, regions_from, case)
    return Case(
        patient=case_name(series.folder[: 2 if series.folder[0] == "HRCT_pilot" else 1]),
        case=case,
        images={"CT": partial(read_dicom_series, list(series.slices.values()), dataset=DATASET.name, case=case)},
        annotations={"lungs" if regions == "none" else "regions": read},
    )


def _read_lungs(series: HugSeries, case: str, grid: sitk.Image) -> sitk.Image:
    values = stack_planes(series.lungs, series.slices, grid, dataset=DATASET.name, case=case)
    found = np.unique(values[values != 0]).tolist()
    if len(found) != 1:
        raise ConversionError(
            DATASET.name,
            case,
            found=f"lung masks with {len(found)} values above 0 ({found[:8]})",
            wanted="one",
            action="look at the masks, or exclude the series with a reason",
        )
    return _like((values != 0).astype(np.uint8), grid)


def _read_regions(
    series: HugSeries, regions: Regions, regions_from: RegionsFrom, case: str, grid: sitk.Image
) -> sitk.Image:
    """Return marked regions; lung that is not marked is left open."""
    lungs = sitk.GetArrayFromImage(_read_lungs(series, case, grid)) > 0
    if regions_from == "text":
        values, both = read_text_regions(series, grid, patterns=PATTERNS, dataset=DATASET.name, case=case)
    else:
        values, both = (
            stack_planes(series.regions, series.slices, grid, dataset=DATASET.name, case=case),
            np.zeros_like(lungs),
        )
    if values.min() < 0 or values.max() > len(PATTERNS):
        found = f"region values {values.min()} to {values.max()}"
        action = "look at the masks, or exclude the series with a reason"
        raise ConversionError(DATASET.name, case, found=found, wanted=f"0 to {len(PATTERNS)}", action=action)
    labels = np.where(lungs, IGNORED, 0)
    labels[values > 0] = values[values > 0] if regions == "patterns" else np.minimum(values[values > 0], 2)
    labels[both] = IGNORED
    return _like(labels.astype(np.uint8), grid)


def _like(array_zyx: np.ndarray, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array_zyx)
    image.CopyInformation(grid)
    return image
