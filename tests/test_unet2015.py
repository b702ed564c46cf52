"""The U-Net has the depth, widths and size the study says."""

import pytest
import torch

from trainers.errors import TrainerError
from trainers.networks.unet2015 import UNet2015


def conv(n_in: int, n_out: int) -> int:
    return 9 * n_in * n_out + 2 * n_out  # no bias, batch normalisation's scale and shift


def test_parameters_of_width_8_counted_by_hand() -> None:
    encoder = [conv(1, 8) + conv(8, 8), conv(8, 16) + conv(16, 16), conv(16, 32) + conv(32, 32)]
    encoder += [conv(32, 64) + conv(64, 64), 2 * conv(64, 64), 2 * conv(64, 64)]
    assert encoder == [680, 3520, 13952, 55552, 73984, 73984]
    up = [4 * n_in * n_out + n_out for n_in, n_out in ((64, 64), (64, 64), (64, 32), (32, 16), (16, 8))]
    decoder = [conv(2 * n, n) + conv(n, n) for n in (64, 64, 32, 16, 8)]
    assert decoder == [110848, 110848, 27776, 6976, 1760]
    head = 8 * 2 + 2
    counted = sum(p.numel() for p in UNet2015(1, 2, 8).parameters())
    assert counted == sum(encoder) + sum(up) + sum(decoder) + head == 523602


def test_default_widths_double_from_64_and_stop_at_512() -> None:
    network = UNet2015(1, 2)
    assert [block[0].out_channels for block in network.encoder] == [64, 128, 256, 512, 512, 512]
    assert [block[0].out_channels for block in network.decoder] == [512, 512, 256, 128, 64]


def test_output_has_the_input_size_and_the_bottleneck_a_32nd_of_it() -> None:
    network = UNet2015(1, 3, 2).eval()
    sizes: list[tuple[int, ...]] = []
    for block in network.encoder:
        block.register_forward_hook(lambda module, args, output: sizes.append(tuple(output.shape[2:])))
    assert network(torch.zeros(2, 1, 64, 96)).shape == (2, 3, 64, 96)
    assert sizes == [(64, 96), (32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize("size", [(64, 63), (48, 64), (31, 32)])
def test_size_that_is_no_multiple_of_32_is_named(size: tuple[int, int]) -> None:
    with pytest.raises(TrainerError, match=rf"input of size \({size[0]}, {size[1]}\).*multiple of 32"):
        UNet2015(1, 2, 2)(torch.zeros(1, 1, *size))
