"""AtlasNet's network has the paper's widths, undoes its pooling, and gives one logit per structure."""

import pytest
import torch

from trainers.errors import TrainerError
from trainers.networks.atlasnet import AtlasNet
from trainers.networks.unpooling import pool, unpool


def conv(n_in: int, n_out: int) -> int:
    return 9 * n_in * n_out + 2 * n_out  # no bias, batch normalisation's scale and shift


def parameters(width: int) -> int:
    """Count from the paper's text: 64, 128, 256, 512, 1024 planes, two convolutions a block, two decoders."""
    planes = [width, 2 * width, 4 * width, 8 * width, 16 * width]
    encoder = conv(1, planes[0]) + conv(planes[0], planes[0])
    encoder += sum(conv(planes[k - 1], planes[k]) + conv(planes[k], planes[k]) for k in range(1, 5))
    decoder = sum(conv(planes[k], planes[k]) + conv(planes[k], planes[k - 1]) for k in range(4, 0, -1))
    decoder += 2 * conv(planes[0], planes[0]) + (planes[0] * 2 + 2)
    return encoder + 2 * decoder


@pytest.mark.parametrize(("width", "expected"), [(4, 222_344), (64, 56_607_044)])
@pytest.mark.parametrize("up_sampling", ["unpooling", "repetition"])
def test_parameters_equal_those_counted_by_hand(width: int, expected: int, up_sampling: str) -> None:
    with torch.device("meta"):
        network = AtlasNet(1, width, up_sampling)  # type: ignore[arg-type]
    assert sum(p.numel() for p in network.parameters()) == parameters(width) == expected


def test_widths_and_sizes_are_the_papers() -> None:
    network, sizes = AtlasNet(1, 2).eval(), []
    for block in (*network.encoder, *network.disease.blocks):
        block.register_forward_hook(lambda module, args, output: sizes.append(tuple(output.shape[1:])))
    assert network(torch.zeros(3, 1, 32, 48)).shape == (3, 2, 32, 48)
    down = [(2, 32, 48), (4, 16, 24), (8, 8, 12), (16, 4, 6), (32, 2, 3)]
    assert sizes == [*down, (16, 2, 3), (8, 4, 6), (4, 8, 12), (2, 16, 24), (2, 32, 48)]


def test_unpooling_returns_each_value_to_the_place_of_its_maximum() -> None:
    features = torch.stack([torch.randperm(32).view(4, 8) for _ in range(6)]).view(2, 3, 4, 8).float()
    maxima, places = pool(features)
    values = torch.randn(2, 3, 2, 4)
    expected, index = torch.nn.functional.max_pool2d(features, 2, return_indices=True)
    assert torch.equal(maxima, expected)
    assert torch.equal(unpool(values, places), torch.nn.functional.max_unpool2d(values, index, [2, 2]))


def test_equal_neighbours_are_placed_first_whatever_their_rounding() -> None:
    plateau = torch.full((1, 1, 8, 8), 3.0) * (1 + torch.rand(1, 1, 8, 8) * 1e-5)
    _, places = pool(torch.cat([plateau, plateau.relu() * 0 + torch.rand(1, 1, 8, 8) * 1e-6], dim=1))
    assert places[:, :, 0].all()
    assert not places[:, :, 1:].any()
    ordered = torch.tensor([[[[0.0, 1.0], [2.0, 1.99]]]])  # closer than a percent, and the greater comes first
    assert pool(ordered)[1].flatten().tolist() == [False, False, True, False]


def test_unpooling_is_allowed_where_torch_is_to_be_deterministic() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        AtlasNet(1, 2)(torch.randn(2, 1, 16, 16)).sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)


def test_decoders_take_the_places_of_their_own_level() -> None:
    """Where a pixel of the last unpooled features is not zero, the encoder's first features have their maximum."""
    torch.manual_seed(0)
    network, kept = AtlasNet(1, 2).eval(), {}
    network.encoder[0].register_forward_hook(lambda module, args, output: kept.update(pooled=output))
    network.disease.blocks[4].register_forward_hook(lambda module, args, output: kept.update(placed=args[0]))
    network(torch.randn(1, 1, 16, 32))
    filled = kept["placed"] != 0
    assert filled.any()
    assert (filled <= unpool(torch.ones(1, 2, 8, 16), pool(kept["pooled"])[1]).bool()).all()


def test_repetition_shows_each_value_four_times() -> None:
    network, kept = AtlasNet(1, 2, "repetition").eval(), {}
    network.lung.blocks[0].register_forward_hook(lambda module, args, output: kept.update(value=output))
    network.lung.blocks[1].register_forward_hook(lambda module, args, output: kept.update(placed=args[0]))
    network(torch.randn(1, 1, 16, 32))
    assert torch.equal(kept["placed"], kept["value"].repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_a_logit_is_structure_minus_background_lung_first() -> None:
    network, heads = AtlasNet(1, 2).eval(), []
    for decoder in (network.lung, network.disease):
        decoder.head.register_forward_hook(lambda module, args, output: heads.append(output))
    logits = network(torch.randn(1, 1, 16, 16))
    for k in range(2):
        torch.testing.assert_close(logits[:, k].sigmoid(), heads[k].softmax(dim=1)[:, 1])
    assert not torch.equal(logits[:, 0], logits[:, 1])


def test_decoders_share_nothing_but_the_encoder() -> None:
    network = AtlasNet(1, 2)
    network(torch.randn(2, 1, 16, 16))[:, 1].sum().backward()
    assert not any(p.grad.any() for p in network.lung.parameters() if p.grad is not None)
    learning = (*network.encoder.parameters(), *network.disease.head.parameters())
    assert all(p.grad is not None and p.grad.any() for p in learning)


@pytest.mark.parametrize("low_precision", [False, True])
def test_gradients_repeat_to_the_last_bit(low_precision: bool) -> None:
    image, found = torch.randn(2, 1, 32, 32), []
    for _ in range(2):
        torch.manual_seed(1)
        network = AtlasNet(1, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low_precision):
            logits = network(image)
        logits.float().square().mean().backward()
        found.append([p.grad for p in network.parameters()])
    assert all(a is not None and torch.equal(a, b) and a.isfinite().all() for a, b in zip(*found, strict=True))


def test_weights_begin_as_he_et_al_set_them() -> None:
    torch.manual_seed(0)
    network = AtlasNet(1, 16)
    weight = network.encoder[4][3].weight  # 256 planes in
    assert weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.01)
    assert network.lung.head.bias is not None
    assert not network.lung.head.bias.any()


@pytest.mark.parametrize("size", [(32, 31), (24, 32), (8, 16)])
def test_size_that_is_no_multiple_of_16_is_named(size: tuple[int, int]) -> None:
    with pytest.raises(TrainerError, match=rf"input of size \({size[0]}, {size[1]}\).*multiple of 16"):
        AtlasNet(1, 2)(torch.zeros(1, 1, *size))
