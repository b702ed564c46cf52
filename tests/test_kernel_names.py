import pytest

from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import classify_kernel, kernel_vendor, load_kernel_table


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "expected"),
    [
        ("GE MEDICAL SYSTEMS", "STANDARD", "soft"),
        ("GE MEDICAL SYSTEMS", "LUNG", "sharp"),
        ("GE MEDICAL SYSTEMS", "BONEPLUS", "sharp"),
        ("GE MEDICAL SYSTEMS", "CHEST", "medium"),
        ("GE MEDICAL SYSTEMS", "DETAIL", "medium"),
        ("Philips", "B", "soft"),
        ("Philips Medical Systems", " l ", "sharp"),
        ("Philips", "YA", "sharp"),
        ("Philips", "D", "medium"),
        ("Philips", "EC", "medium"),
        ("SIEMENS", "B30f", "soft"),
        ("SIEMENS", "B45f", "medium"),
        ("SIEMENS", "B70f", "sharp"),
        ("SIEMENS", "D45f", "medium"),
        ("SIEMENS", "I41f\\3", "medium"),
        ("SIEMENS", "J30s\\2", "soft"),
        ("Siemens Healthineers", "Br38f\\3", "soft"),
        ("Siemens Healthineers", "Br40d", "soft"),
        ("Siemens Healthineers", "Br41d", "medium"),
        ("Siemens Healthineers", "Br48d", "medium"),
        ("Siemens Healthineers", "Br49d", "sharp"),
        ("Siemens Healthineers", "Bl57", "sharp"),
        ("SIEMENS", "Ur77", "sharp"),
        ("TOSHIBA", "FC12", "soft"),
        ("CANON_MEC", "FC51", "medium"),
        ("CANON_MEC", "FC08", "medium"),
        ("CANON_MEC", "FC86", "sharp"),
    ],
)
def test_class_follows_the_table(manufacturer: str, kernel: str, expected: str) -> None:
    assert classify_kernel(manufacturer, kernel) == expected


@pytest.mark.parametrize(
    ("manufacturer", "kernel"),
    [
        ("GE MEDICAL SYSTEMS", "B"),  # Philips' code: vendors do not share codes
        ("Philips", "BONE"),  # begins with Philips' soft B, ends as GE's sharp BONE
        ("Philips", "LUNG"),
        ("GE MEDICAL SYSTEMS", "STANDARD2"),
        ("GE MEDICAL SYSTEMS", "LUN"),
        ("SIEMENS", "B3"),
        ("SIEMENS", "B300"),
        ("SIEMENS", "B30f extra"),
        ("SIEMENS", "Ur44"),
        ("SIEMENS", "Zz30"),
        ("SIEMENS", "3\\B30f"),
        ("CANON_MEC", "FC1"),
        ("CANON_MEC", "FC12B"),
        ("CMS Inc.", "STANDARD"),
        ("GEMINI", "STANDARD"),
        ("", "STANDARD"),
        ("SIEMENS", ""),
    ],
)
def test_what_the_table_does_not_name_is_unknown(manufacturer: str, kernel: str) -> None:
    assert classify_kernel(manufacturer, kernel) == "unknown"


def test_bone_of_ge_is_not_swallowed_by_soft_b_of_philips() -> None:
    assert classify_kernel("Philips", "B") == "soft"
    assert classify_kernel("GE MEDICAL SYSTEMS", "BONE") == "sharp"


def test_vendor_is_the_first_word() -> None:
    assert kernel_vendor("GE MEDICAL SYSTEMS") == "ge"
    assert kernel_vendor("canon_mec") == "canon"
    assert kernel_vendor("Acme GE") == ""


def test_user_table_is_laid_over_ours_and_changes_the_hash(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[manufacturers]\nACME = "acme"\n[acme]\nsharp = ["x9"]\n[ge]\nsharp = ["CHEST"]\n'
        "[siemens.numbers]\nBR = { sharp_from = 45 }\n"
    )
    table = load_kernel_table(file)
    assert classify_kernel("Acme Ltd", "X9", table=table) == "sharp"
    assert classify_kernel("GE", "CHEST", table=table) == "sharp"
    assert classify_kernel("GE", "STANDARD", table=table) == "soft"
    assert classify_kernel("SIEMENS", "Br46", table=table) == "sharp"
    assert table.sha256 != load_kernel_table().sha256
    assert load_kernel_table().sha256 == load_kernel_table().sha256
    assert len(table.sha256) == 64


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('[ge]\nsoftt = ["A"]\n', r"\[ge\] softt"),
        ('[ge]\nsoft = ["A"]\nsharp = ["a"]\n', r"\[ge\] A as soft and sharp"),
        ("[siemens.numbers]\nBR = 40\n", r"\[siemens.numbers\] BR = 40"),
        ('ge = "soft"\n', "at the top"),
        ("[ge\n", "TOMLDecodeError"),
    ],
)
def test_faulty_user_table_says_where(tmp_path, content: str, found: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(ConversionError, match=found):
        load_kernel_table(file)


def test_missing_user_table(tmp_path) -> None:
    with pytest.raises(ConversionError, match=r"nowhere\.toml: found FileNotFoundError"):
        load_kernel_table(tmp_path / "nowhere.toml")
