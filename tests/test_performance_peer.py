"""nnU-Net's trainer beside each of ours: it trains the same network with the same loss."""

from pathlib import Path

import pytest
import torch
from test_trainers_training import make_trainer
from tiny_run import write_tiny_run

from benchmarks.performance.training_peer import peer_of
from trainers.base import CTShiftTrainer
from trainers.prepare import prepare
from trainers.registry import list_trainers
from trainers.run_folder import open_run


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_tiny_run(tmp_path_factory.mktemp("peer") / "run", lung=True, patients=3, size=32, patch_size=[32, 32])
    prepare(open_run(run))
    return run


@pytest.mark.usefixtures("kept_environment")
@pytest.mark.parametrize("name", [name for name in list_trainers() if not name.endswith("Stock")])
def test_the_peer_trains_what_ours_trains(prepared: Path, name: str) -> None:
    ours = make_trainer(prepared, name=name)
    peer = peer_of(ours)
    assert not isinstance(peer, CTShiftTrainer)
    ours.do_split()
    peer.do_split, peer.dataset_class = ours.do_split, ours.dataset_class  # nnU-Net's split of so few cases fails
    for side in (ours, peer):
        side.initialize()
        side.print_to_log_file = lambda *args, **kwargs: None
    assert type(peer.network) is type(ours.network)
    assert type(peer.loss) is type(ours.loss)
    assert type(peer.optimizer) is type(ours.optimizer)
    peer.network.load_state_dict(ours.network.state_dict())
    peer.on_train_start()
    batch = next(peer.dataloader_train)
    losses = []
    for side in (ours, peer):
        torch.manual_seed(0)
        side.network.train()
        losses.append(side.train_step({**batch, "data": batch["data"].clone()})["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
