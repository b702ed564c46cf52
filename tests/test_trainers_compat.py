"""What we rely on inside nnU-Net is still there."""

import inspect
from types import SimpleNamespace

from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run import run_training
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module

from trainers import compat
from trainers.base import CTShiftTrainer

NNUNET_TRAINER = trainer_module.nnUNetTrainer


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_signatures_we_override() -> None:
    assert parameters(NNUNET_TRAINER.__init__) == ["self", "plans", "configuration", "fold", "dataset_json", "device"]
    assert parameters(CTShiftTrainer.__init__) == parameters(NNUNET_TRAINER.__init__)
    assert parameters(NNUNET_TRAINER.build_network_architecture)[0] == "plans_manager"
    assert parameters(NNUNET_TRAINER.load_checkpoint)[0:1] == ["self"]
    assert parameters(nnUNetDataLoader.__init__)[1:6] == [
        "data",
        "batch_size",
        "patch_size",
        "final_patch_size",
        "label_manager",
    ]
    assert parameters(nnUNetDataLoader.get_bbox)[1:4] == ["data_shape", "force_fg", "class_locations"]
    assert parameters(ExperimentPlanner.get_plans_for_configuration)[1:3] == ["spacing", "median_shape"]
    assert parameters(nnUNetPredictor.manual_initialization)[-1] == "inference_allowed_mirroring_axes"
    assert "suppress_transpose" in parameters(ExperimentPlanner.__init__)


def test_names_we_replace_are_looked_up_where_we_replace_them() -> None:
    assert "nnUNetDataLoader(" in inspect.getsource(NNUNET_TRAINER.get_dataloaders)
    assert "recursive_find_trainer_class_by_name(" in inspect.getsource(run_training.get_trainer_from_args)
    source = inspect.getsource(fingerprint_extractor.DatasetFingerprintExtractor.run)
    assert 'multiprocessing.get_context("spawn").Pool(' in source
    assert "self.logger.plot_progress_png(" in inspect.getsource(NNUNET_TRAINER.on_epoch_end)


def test_everything_is_put_back() -> None:
    before = trainer_module.nnUNetDataLoader, fingerprint_extractor.multiprocessing
    logger = SimpleNamespace()
    with compat.loader_class(dict), compat.in_this_process(fingerprint_extractor), compat.without_progress_png(logger):
        assert trainer_module.nnUNetDataLoader is dict
    assert (trainer_module.nnUNetDataLoader, fingerprint_extractor.multiprocessing) == before
    assert vars(logger) == {}


def test_blur_never_chooses_by_the_stopwatch() -> None:
    blurs = [SimpleNamespace(benchmark=True), SimpleNamespace(transform=SimpleNamespace(benchmark=True))]
    compat.fix_blur_algorithm(SimpleNamespace(transforms=blurs))
    assert not blurs[0].benchmark
    assert not blurs[1].transform.benchmark
