from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import WHERE, ct_image, edit, write_series
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from dataset_converters.dicom import checks as dicom_checks
from dataset_converters.dicom import encoding as dicom_encoding
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError


def test_rescale_is_applied_slice_by_slice_and_float_where_needed(tmp_path) -> None:
    files = write_series(tmp_path)
    edit(files[2], RescaleSlope="0.5", RescaleIntercept="-10")
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    stored = sitk.GetArrayFromImage(ct_image()).astype(float) + 1024
    expected = stored - 1024
    expected[2] = stored[2] * 0.5 - 10
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, expected.astype(np.float32))


def test_values_beyond_int16_are_not_wrapped(tmp_path) -> None:
    files = write_series(tmp_path)
    edit(files[0], RescaleIntercept="40000")
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    assert read.dtype == np.float32
    assert read[0, 0, 0] == 40024


def test_compression_without_decoder_names_the_extra(tmp_path, monkeypatch) -> None:
    for path in write_series(tmp_path):
        file = pydicom.dcmread(path)
        file.compress(pydicom.uid.RLELossless)
        file.save_as(path)
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image), sitk.GetArrayFromImage(ct_image())
    )

    class Missing:
        is_available = False

    monkeypatch.setattr(dicom_checks, "get_decoder", lambda uid: Missing())
    with pytest.raises(ConversionError, match=r"compressed as RLE Lossless.*pip install ctshift\[compressed,jpeg\]"):
        read_dicom_series(tmp_path, **WHERE)


def _need_decoder(syntax: pydicom.uid.UID) -> None:
    if not get_decoder(syntax).is_available:
        pytest.skip("needs the extra 'compressed'")


def _encapsulate(files, encode, syntax: str) -> None:
    """Replace the pixels of every file by those of the same plane, encoded by another library."""
    for path in files:
        file = pydicom.dcmread(path)
        file.PixelData = encode(file.pixel_array)
        file["PixelData"].is_undefined_length = True
        file.file_meta.TransferSyntaxUID = syntax
        file.save_as(path)


def _encoded_by_itk(folder: Path, compressor: str):
    def encode(plane):
        image = sitk.GetImageFromArray(plane[None])
        sitk.WriteImage(image, str(folder / "encoded.dcm"), useCompression=True, compressor=compressor)
        return pydicom.dcmread(folder / "encoded.dcm").PixelData

    return encode


@pytest.mark.parametrize(
    ("compressor", "syntax"),
    [("JPEG", pydicom.uid.JPEGLosslessSV1), ("JPEG2000", pydicom.uid.JPEG2000Lossless)],
)
def test_lossless_compression_by_another_library_gives_the_same_volume(tmp_path, compressor, syntax) -> None:
    _need_decoder(syntax)
    image = ct_image(size_zyx=(3, 24, 20))
    files = write_ct_series(tmp_path / "ct", image, kernel="SOFT", manufacturer="GE").files
    _encapsulate(files, _encoded_by_itk(tmp_path, compressor), syntax)
    read = read_dicom_series(tmp_path / "ct", **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read.image), sitk.GetArrayFromImage(image))
    assert "lossy_compression" not in read.facts


def test_jpeg_ls_of_pydicoms_own_example(tmp_path) -> None:
    _need_decoder(pydicom.uid.JPEGLSLossless)
    plain, packed = (
        pydicom.dcmread(get_testdata_file(name)) for name in ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm")
    )
    image = ct_image(size_zyx=(2, 64, 64))
    files = write_ct_series(tmp_path, image, kernel="SOFT", manufacturer="GE", BitsStored=16, HighBit=15).files
    _encapsulate(files, lambda plane: packed.PixelData, packed.file_meta.TransferSyntaxUID)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    np.testing.assert_array_equal(read, np.stack([plain.pixel_array - 1024] * 2))


def _store(files, stored_zyx, **attributes) -> None:
    for path, plane in zip(files, stored_zyx, strict=True):
        edit(path, PixelData=plane.tobytes(), **attributes)


@pytest.mark.parametrize(
    ("dtype", "attributes", "intercept"),
    [
        ("<u2", {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0}, -32768),
        ("<u2", {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}, -1024),
        ("<i2", {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}, 24),
        ("<i4", {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31, "PixelRepresentation": 1}, -1024),
        ("u1", {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}, -100),
    ],
)
@pytest.mark.parametrize("slope", [1, -3, 0.25])
def test_every_pixel_type_equals_pydicoms_own_rescaling(tmp_path, dtype, attributes, intercept, slope) -> None:
    bits = attributes["BitsStored"]
    low = -(2 ** (bits - 1)) if attributes["PixelRepresentation"] else 0
    stored = np.random.default_rng(1).integers(low, low + 2**bits, (4, 3, 5)).astype(dtype)
    files = write_series(tmp_path)
    _store(files, stored, RescaleSlope=str(slope), RescaleIntercept=str(intercept), **attributes)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    plain = np.stack([pydicom.dcmread(path).pixel_array * float(slope) + intercept for path in files])
    np.testing.assert_array_equal(read, plain.astype(np.float32))
    fits = plain.min() >= -32768 and plain.max() <= 32767 and float(slope).is_integer()
    assert read.dtype == (np.int16 if fits else np.float32)


TWELVE = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}


def test_drawings_in_unused_bits_are_cut_off_where_the_header_announces_them(tmp_path) -> None:
    files = write_series(tmp_path)
    stored = (np.arange(60).reshape(4, 3, 5) * 60).astype("<u2")
    _store(files, stored | 0x3000, **TWELVE)
    with pytest.raises(ConversionError, match="15 values that need more than the 12 bits the header says are stored"):
        read_dicom_series(tmp_path, **WHERE)
    for path in files:
        file = pydicom.dcmread(path)
        file.add_new(0x60000102, "US", 12)
        file.save_as(path)
    read = sitk.GetArrayFromImage(read_dicom_series(tmp_path, **WHERE).image)
    np.testing.assert_array_equal(read, stored.astype(int) - 1024)


def test_big_endian_and_deflated_files_give_the_same_volume(tmp_path) -> None:
    for name, syntax in (("big", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian)):
        for path in write_series(tmp_path / name):
            file = pydicom.dcmread(path)
            if name == "big":
                file.PixelData = file.pixel_array.astype(">i2").tobytes()
            file.file_meta.TransferSyntaxUID = syntax
            pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=name != "big")
        read = sitk.GetArrayFromImage(read_dicom_series(tmp_path / name, **WHERE).image)
        np.testing.assert_array_equal(read, sitk.GetArrayFromImage(ct_image()))


def test_deflated_file_that_unpacks_to_too_much_is_refused_unseen(tmp_path, monkeypatch) -> None:
    path = write_series(tmp_path)[0]
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    file.add_new(0x00091010, "OB", bytes(2**20))
    pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=True)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(dicom_encoding, "LARGEST_INFLATED", 2**19)
    with pytest.raises(ConversionError, match=r"header cannot be read \(ValueError\)"):
        read_dicom_series(tmp_path, **WHERE)


def test_real_series_with_overlap_blank_uids_and_jpeg_2000(shared_data: Path) -> None:
    _need_decoder(pydicom.uid.JPEG2000Lossless)
    ct = read_dicom_series(shared_data / "totalsegmentator" / "example_ct_dicom", **WHERE)
    assert ct.image.GetSize() == (512, 512, 20)
    assert ct.image.GetSpacing() == (0.9765625, 0.9765625, 2.0)
    assert ct.facts["kernel"] == "Br38f\\3"
    assert ct.facts["slice_thickness_mm"] == "3"
