"""The acquisition facts that may leave a source file, and the refusal of anything that could identify a person."""

import re
from collections.abc import Mapping

ALLOWED_FACTS = frozenset(
    {
        "body_part",
        "ctdi_vol_mgy",
        "doubt_air_clipped",
        "doubt_kernel_source",
        "doubt_metal",
        "doubt_mtf_range",
        "doubt_pixel_size",
        "doubt_spacing",
        "doubt_tilt",
        "doubt_values_clipped",
        "duplicate_slices_dropped",
        "edge_rise_mm",
        "emulated_from",
        "exposure_mas",
        "exposure_time_ms",
        "filter_type",
        "geometry_repair",
        "iterative_reconstruction",
        "kernel",
        "kernel_class",
        "kernel_code",
        "kvp",
        "lossy_compression",
        "manufacturer",
        "modality",
        "model",
        "noise_sd_hu",
        "origin",
        "patient_position",
        "pitch",
        "pixel_spacing_mm",
        "reconstruction_diameter_mm",
        "scan_options",
        "seed",
        "series_grouping",
        "slice_overlap_mm",
        "slice_spacing_mm",
        "slice_thickness_mm",
        "tilt_corrected_deg",
        "tube_current_ma",
    }
)
"""Names of facts; a fact that is not listed is refused, because a list of what identifies is never complete."""

_DATE = re.compile(r"(?<!\d)(19|20)\d{2}[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_UID = re.compile(r"\d+(\.\d+){4,}")
_NAME = re.compile(r"\^")
_LONGEST = 64


def fact_fault(facts: Mapping[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with the facts of an image as (found, wanted), None if nothing is.

    The value itself is never part of the message: it may be what must not be printed.
    """
    for name, value in facts.items():
        if name not in ALLOWED_FACTS:
            return f"a fact {name!r}", "facts that facts.py lists as safe to keep"
        if not isinstance(value, str) or len(value) > _LONGEST:
            return f"a fact {name!r} that is no short text", f"text of at most {_LONGEST} characters"
        for pattern, what in ((_DATE, "a date"), (_UID, "a unique identifier"), (_NAME, "a person's name")):
            if pattern.search(value):
                return f"a fact {name!r} that looks like {what}", "facts that identify nobody"
    return None
