"""CT series from DICOM to .nii.gz by our code and by dcm2niix: CPU seconds side by side, and whether the files agree.

CPU seconds are user and system time of all processes, the fastest of the repeats. dcm2niix runs once per series; ours
reads all series in one process, whose start (interpreter, libraries) is counted once and shown apart. Both compress at
one level. Masks and checks are no part of the comparison; they are timed apart.
"""

import argparse
import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from benchmarks.performance.convert_report import print_report, reached, write_report
from benchmarks.performance.dcm2niix import PeerError, dcm2niix_version, find_dcm2niix, run_dcm2niix, run_measured
from dataset_converters.dicom.headers import find_dicom_files, is_ct_slice, read_headers
from dataset_converters.errors import ConversionError

LEVEL = 3
"""Compression level of both: that of `dataset_converters.volumes.nifti.write_nifti`."""
ARCHIVES = ("sts/sts_ct_rtstruct.tar.xz", "lung_dx_a0001/dicom.tar.xz")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")


def main(arguments: list[str] | None = None) -> int:
    """Measure all CT series below the given folders; return 1 if ours is too slow or a file differs, 2 without data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance convert", description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with unpacked DICOM series, one series per folder at any depth (default: the archives of the "
        "soft-tissue sarcoma patients and of the Philips pair, below $CTSHIFT_SHARED/data)",
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each; the fastest counts")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the report as .md")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error("--repeats: wanted 1 or more")
    with tempfile.TemporaryDirectory() as unpacked:
        data = options.data or unpack_archives(_shared_data(), Path(unpacked))
        return _run([folder for root in data for folder in find_ct_folders(root)], options)


def unpack_archives(shared: Path, out: Path) -> list[Path]:
    """Unpack the archives of real series that are there; return the folder with them, nothing if there are none."""
    archives = [shared / name for name in ARCHIVES if (shared / name).is_file()]
    for archive in archives:
        with tarfile.open(archive) as content:
            content.extractall(out / archive.parent.name, filter="data")
    return [out] if archives else []


def find_ct_folders(data: Path) -> list[Path]:
    """Return the folders below (or at) a folder that directly hold CT slices, by path."""
    first: dict[Path, Path] = {}
    for file in find_dicom_files(data):
        first.setdefault(file.parent, file)
    headers = read_headers(first.values(), dataset="convert", case="")
    found = {Path(str(header.filename)).parent for header in headers if is_ct_slice(header)}
    return sorted(found)


def _run(folders: list[Path], options: argparse.Namespace) -> int:
    if not folders:
        print("no CT series found: give folders with --data, or set CTSHIFT_SHARED", file=sys.stderr)
        return 2
    try:
        program = find_dcm2niix()
        table = measure(folders, program=program, repeats=options.repeats)
    except (PeerError, ConversionError) as error:
        print(error, file=sys.stderr)
        return 2
    print_report(table)
    if options.out:
        write_report(table, options.out, peer_version=dcm2niix_version(program), repeats=options.repeats, level=LEVEL)
    return 0 if reached(table) else 1


def measure(folders: list[Path], *, program: str, repeats: int) -> pd.DataFrame:
    """Return one row per series: size, dcm2niix_s, ours_s (read_s and write_s), masks_s, checks_s, and what differs.

    ``attrs``: start_s, all_s (CPU seconds of our start, and of our whole process), each the fastest of the repeats.
    """
    tables = []
    for repeat in range(repeats):
        print(f"run {repeat + 1} of {repeats}: {len(folders)} series...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            tables.append(_measure_once(folders, Path(folder), program, compared=repeat == 0))
    table = tables[0]
    for column in ("dcm2niix_s", "read_s", "write_s", "ours_s", "masks_s", "checks_s"):
        table[column] = np.min([other[column] for other in tables], axis=0)
    table.attrs = {name: min(other.attrs[name] for other in tables) for name in ("start_s", "all_s")}
    return table


def _shared_data() -> Path:
    return Path(os.environ.get("CTSHIFT_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def _measure_once(folders: list[Path], out: Path, program: str, *, compared: bool) -> pd.DataFrame:
    request = {"series": [str(folder.resolve()) for folder in folders], "out": str(out), "extras": False}
    _, start_s = _worker(request | {"series": []})
    rows, all_s = _worker(request)
    extras, _ = _worker(request | {"extras": True})
    table = pd.DataFrame(rows)
    table["ours_s"] = table["read_s"] + table["write_s"]
    table[["masks_s", "checks_s"]] = pd.DataFrame(extras)[["masks_s", "checks_s"]]
    peers = [run_dcm2niix(program, f, out / f"peer{i}", level=LEVEL) for i, f in enumerate(folders, start=1)]
    table["dcm2niix_s"] = [seconds for _, seconds in peers]
    if compared:
        ours = [out / f"{i}.nii.gz" for i in range(1, len(folders) + 1)]
        both = [compare_files(file, peer) for file, (peer, _) in zip(ours, peers, strict=True)]
        table = pd.concat([table, pd.DataFrame(both)], axis=1)
    table.attrs = {"start_s": start_s, "all_s": all_s}
    return table


def compare_files(ours: Path, peer: Path) -> dict[str, object]:
    """Return size, megabytes of both, how many voxels differ and by how many mm the grids do, both turned to RAS."""
    images = [nib.as_closest_canonical(nib.load(path)) for path in (ours, peer)]
    row: dict[str, object] = {
        "size": " x ".join(map(str, images[0].shape)),
        "ours_mb": ours.stat().st_size / 1e6,
        "dcm2niix_mb": peer.stat().st_size / 1e6,
    }
    if images[0].shape != images[1].shape:
        return row | {"voxels_differing": -1, "grid_mm": float("inf")}
    voxels = [np.asanyarray(image.dataobj) for image in images]
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    corners[:, :3] *= np.array(images[0].shape) - 1
    apart_mm = np.abs((images[0].affine - images[1].affine) @ corners.T)
    return row | {"voxels_differing": int(np.count_nonzero(voxels[0] != voxels[1])), "grid_mm": float(apart_mm.max())}


def _worker(request: dict[str, object]) -> tuple[list[dict[str, float]], float]:
    command = [sys.executable, "-m", "benchmarks.performance.convert_worker"]
    done, seconds = run_measured(command, given=json.dumps(request), extra_environment=ONE_THREAD)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"our conversion ended with code {done.returncode}: {last}")
    return json.loads(done.stdout.splitlines()[-1]), seconds
