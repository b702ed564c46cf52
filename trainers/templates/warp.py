"""``python -m trainers.templates.warp RUN SET NUMBER``: register every image of an arm to one of its templates."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_converters.atomic import DiskFullError
from dataset_converters.volumes.nifti import sha256_of
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.predict.predict import check_image, image_hash
from trainers.region_view import lung_and_disease
from trainers.run_folder import open_run
from trainers.templates.registered import Registered
from trainers.templates.template_set import TemplateSet, find_templates

ROLES = ("train", "val", "test")


def warp_all(templates: TemplateSet, number: int, device: str) -> None:
    """Register every training and test image to a template; warp the training images and their labels.

    ``registrations.csv`` has one row an image with its quality, failed ones too: such an image is used as far as it
    could be laid on the template, so that no case is lost, and its row says why not to trust it. What is there and
    was made from the same files is kept, so a killed stage goes on.

    Raises
    ------
    TrainerError
        Images that cannot be read, all named, after the others are done.
    """
    run, entry, faults = templates.run, templates.entry, {}
    template, title = templates.template(number), f"{entry['name']}, template {number}"
    wanted = dict.fromkeys(image for role in ROLES for image in entry[role])
    with only_one_in(templates.folder(number)):
        keys = {image: _key(templates, number, image, template) for image in wanted}
        record = Registered(templates.folder(number), keys, run.path)
        try:
            for image in tqdm(record.missing(), desc=title, unit="image"):
                try:
                    record.add(image, *_register(templates, number, image, template, keys[image], device))
                except DiskFullError:
                    raise
                except Exception as error:  # readers of damaged files raise many kinds
                    faults[image] = f"{type(error).__name__}: {error}"
        finally:
            record.close(_rows_of(templates, template, wanted))
    if faults:
        raise TrainerError(
            title,
            found="; ".join(f"{image}: {fault}" for image, fault in faults.items()),
            wanted="images that can be read",
            action="check the converted images (python -m dataset_converters check), mend them and run again",
        )


def _key(templates: TemplateSet, number: int, image: str, template: str) -> dict[str, Any]:
    """Return what decides a warp and what is warped with it."""
    run, warped = templates.run, templates.warped(number).get(image)
    key = {
        "image_sha256": image_hash(run, image),
        "template_sha256": image_hash(run, template),
        "registration": templates.entry["registration"],
    }
    return key | ({"label_sha256": warped["label_sha256"], "path": warped["path"]} if warped else {})


def _register(
    templates: TemplateSet, number: int, image: str, template: str, key: dict[str, Any], device: str
) -> tuple[dict[str, Any], list[Path]]:
    """Register one image; return its quality and the files that were written."""
    from dataset_converters.registration.case_files import warp_files

    run, warped, warp_file = templates.run, templates.warped(number).get(image), templates.warp(number, image)
    check_image(run.image(image), key["image_sha256"])
    label = run.raw_dataset / "labelsTr" / f"{image}.nii.gz" if warped else None
    if label is not None and sha256_of(label) != key["label_sha256"]:
        raise TrainerError(
            str(label), found="another label map than was assembled", wanted="that one", action="assemble the run again"
        )
    outputs = [run.inside(warped[part]) for part in ("path", "label")] if warped else [None, None]
    quality = warp_files(
        run.image(image),
        label,
        run.image(template),
        outputs[0],
        outputs[1],
        warp_file,
        template_label=run.raw_dataset / "labelsTr" / f"{template}.nii.gz",
        lung_labels=_whole_lung(templates),
        case=image,
        backend=key["registration"],
        device=device,
    )
    return asdict(quality), [warp_file, *(path for path in outputs if path is not None)]


def _whole_lung(templates: TemplateSet) -> tuple[int, ...]:
    """Return the label values of lung and the disease in it; empty where slices were left open or there is no lung."""
    structures = dict(templates.run.matrix["structures"])
    try:
        lung, disease = lung_and_disease(structures, "templates")
    except TrainerError:
        return ()
    open_slices = templates.run.matrix["ignore_label"] is not None
    return () if open_slices else tuple(structures[name] for name in (*lung, *disease))


def _rows_of(templates: TemplateSet, template: str, wanted: dict[str, None]) -> dict[str, dict[str, Any]]:
    """Return what a row says of each image beside its quality."""
    role = {image: role for role in reversed(ROLES) for image in templates.entry[role]}
    fixed = {"templates": templates.entry["name"], "template": template}
    return {image: {"image": image, "role": role[image], **fixed} for image in wanted}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.templates.warp", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("set", metavar="SET", help="name of templates in matrix.json")
    parser.add_argument("number", type=int, metavar="NUMBER", help="which template, from 1")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args(arguments)
    return exit_code(
        lambda: warp_all(find_templates(open_run(options.run), options.set), options.number, options.device)
    )


if __name__ == "__main__":
    sys.exit(main())
