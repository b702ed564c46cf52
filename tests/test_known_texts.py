import pytest

from dataset_converters.kernels.names import load_kernel_table
from dataset_converters.privacy.known_texts import known_kernel, known_manufacturer, known_model, shown_texts

MODELS = """Sensation 64; Sensation 16; SOMATOM Definition AS+; SOMATOM Definition Flash; SOMATOM Force; SOMATOM go.Top
SOMATOM Drive; SOMATOM X.cite; SOMATOM Perspective; Volume Zoom Sensation; Emotion 16 (2010); Biograph128_mCT
Biograph 6 TruePoint; NAEOTOM Alpha; Brilliance 64; Brilliance16P; Brilliance Big Bore; iCT 256; IQon - Spectral CT
Spectral CT 7500; Ingenuity CT; Ingenuity Core 128; Mx8000 IDT 16; GEMINI TF TOF 16; Precedence 16P; LightSpeed VCT
LightSpeed QX/i; LightSpeed16; LightSpeed RT16; LightSpeed Pro 16; HiSpeed CT/i; Discovery CT750 HD; Discovery STE
Discovery 690; Optima CT660; Revolution EVO; BrightSpeed Elite; Aquilion ONE; Aquilion Prime SP; Aquilion-CX
Asteion; Alexion; NeuViz 64; uCT 760; SCENARIA"""
# datasets.md section 13 and what scanners write
KERNELS = r"""B08 B10 B19f B20f B26f B30f B31f B35f B40f B41f B45f B46f B50f B60f B70f B75f B80f I26f I30f I31f I41f
I50f I70f Br32 Br40d Br49 Br69 Bf37 Bv36 Qr36 Sa36 Bl57 Bl64d Hr49 Ur70 D30f D33f D45 D45f Q33 U70 S80 I30f\3 Br40d\3
SOFT STANDARD STND STD DETAIL CHEST LUNG BONE BONEPLUS EDGE ULTRA lung
A B C SMOOTH D EC L YA YB YC YD E EA EB UB UC UD FC01 FC03 FC08 FC10 FC18 FC30 FC51 FC86 FC08-H"""
ROIS = """GTV_Mass_CT; GTV_Edema_CT; GTV_Mass; Lung_L; Lung_R; Lung L; SpinalCord; Esophagus; Heart; GTV-1; GTV-2
gtv-pre-op; Lungs-Total; Lung-Left; Lung-Right; Spinal-Cord; Left Lung; LUNG_LT; disease; lesion; ground glass opacity
Neoplasm, Primary; PTV_6600; GTVp1; Chest Wall"""
PEOPLE = """John Smith; Smith^John; DOE, JANE; Mueller; Müller; 李 Lung; Lung Smith; GTV Mueller; SmithLung
Sensation John; Gross; Wall; Glass; M Gross; Patient 12; 1942; 2004-05-04; Lung 2004-05-04; GTV 04.05.2004
Lung 04 05 04; 20040504
Lung 20040504; 1.2.840.10008.5; GTV 1.2.840.113619; Lung 1234567; +33 6 12 34 56 78; HOST-18832; Dr. Wall, room 12
QZMARKER17; Lé; Lungé"""


def _words(text: str) -> list[str]:
    return text.split()


def _listed(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in line.split("; ")]


@pytest.mark.parametrize("text", _listed(MODELS))
def test_models_of_scanners_are_shown(text: str) -> None:
    assert known_model(text) == text
    assert known_model(f" {text} ") == text


@pytest.mark.parametrize("text", _words(KERNELS))
def test_kernels_are_shown(text: str) -> None:
    assert known_kernel(text) == text


def test_every_kernel_of_the_table_is_shown() -> None:
    codes = [code for vendor in load_kernel_table().codes.values() for code in vendor]
    assert len(codes) > 80
    assert [known_kernel(code) for code in codes] == codes


@pytest.mark.parametrize("text", _listed(ROIS))
def test_names_of_structures_are_shown(text: str) -> None:
    assert shown_texts([text]) == text


@pytest.mark.parametrize("text", _listed(PEOPLE))
def test_names_dates_and_identifiers_are_not(text: str) -> None:
    assert known_model(text) == ""
    assert known_kernel(text) == "unlisted"
    assert known_manufacturer(text) == ""
    shown = shown_texts([text])
    assert shown == "1 with words that are not shown"
    assert text not in shown


def test_manufacturers_are_replaced_by_plain_names() -> None:
    texts = ["SIEMENS", "Siemens Healthineers", "GE MEDICAL SYSTEMS", "Philips", "TOSHIBA", "Canon Medical Systems"]
    assert [known_manufacturer(text) for text in texts] == ["SIEMENS", "SIEMENS", "GE", "Philips", "Canon", "Canon"]
    assert known_manufacturer("Philips John Smith") == "Philips"
    assert known_manufacturer("CMS Inc.") == ""


def test_second_value_of_a_kernel_only_if_it_is_a_strength() -> None:
    assert known_kernel("I30f\\Smith") == "I30f"
    assert known_kernel("I30f\\3\\Smith") == "I30f\\3"
    assert known_kernel("Smith\\3") == "unlisted"
    assert known_kernel("  ") == ""


def test_list_of_structures_is_cut_and_counts_the_rest() -> None:
    assert shown_texts(["Lung_L", "Mr Smith", "Heart"]) == "Lung_L, Heart, 1 with other words"
    assert shown_texts([f"GTV-{n}" for n in range(5)], limit=3) == "GTV-0, GTV-1, GTV-2, 2 more"
    assert shown_texts([]) == "none"
