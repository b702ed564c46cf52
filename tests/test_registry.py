from pathlib import Path

import pytest
from toy_dataset import add_module

from dataset_converters.registry import RegistryError, dataset_names, find_dataset, list_datasets


def test_one_new_file_is_a_dataset(dataset_folder: Path) -> None:
    add_module(dataset_folder, "toy")
    (dataset_folder / "_helper.py").write_text("raise RuntimeError('not a dataset')\n", encoding="utf-8")
    assert "toy" in dataset_names()
    assert "_helper" not in dataset_names()
    assert find_dataset("toy").DATASET.name == "toy"
    assert "toy" in [module.DATASET.name for module in list_datasets()]


def test_unknown_name_lists_the_choices_and_the_nearest() -> None:
    with pytest.raises(RegistryError, match=r"no dataset 'fantom'; did you mean 'phantom'\? the choices are: .*sts"):
        find_dataset("fantom")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("def list_cases", "def cases"), "found no list_cases"),
        (("def make_sample", "def sample"), "found no make_sample"),
        (("DATASET =", "DATA ="), "found no DATASET"),
        (('name="toy"', 'name="other"'), "found name 'other'; wanted the name of its file, 'toy'"),
        (('"tumour": 1', '"tumour": 2'), "wanted background 0 and consecutive values"),
        (('"background": 0, "tumour": 1', '"tumour": 0, "lung": 1'), "wanted background 0"),
        (('"tumour": 1', '"ignore": 1'), "found a label 'ignore'"),
        ((', "tumour": 1', ""), "wanted one structure at least"),
        (("dataset_id=790", "dataset_id=901"), "wanted 1 to 899"),
        (('licence="CC0"', 'licence=""'), "found an empty 'licence'"),
        (("DATASET = DatasetInfo", "DATASET = dict"), "found DATASET of type dict"),
        (("from dataset_converters.records", "from nowhere_at_all"), "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_broken_contract_is_named(dataset_folder: Path, change: tuple[str, str], message: str) -> None:
    path = add_module(dataset_folder, "toy")
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(RegistryError, match="toy") as caught:
        find_dataset("toy")
    assert message in str(caught.value)


def test_two_files_with_one_id_are_refused(dataset_folder: Path) -> None:
    add_module(dataset_folder, "toy_a")
    add_module(dataset_folder, "toy_b")
    with pytest.raises(RegistryError, match="toy_b: found dataset_id 790, which 'toy_a' has already"):
        list_datasets()
