"""AtlasNet's network: one SegNet-like encoder, one decoder for lung and one for disease (Chassagnon et al. 2020)."""

from typing import Literal

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.networks.convolutions import conv_block, initialise
from trainers.networks.unpooling import pool, unpool

BLOCKS = 5
MULTIPLE = 2 ** (BLOCKS - 1)
UpSampling = Literal["unpooling", "repetition"]


class AtlasNet(nn.Module):
    """Five blocks down and, twice, five blocks up; two logits per pixel: lung and disease.

    Chassagnon et al. 2020 (Radiol Artif Intell 2:e190006, "Deep Learning-based Algorithm" and Figure 2): blocks of two
    Conv2D-BN-ReLU, 64 to 1024 planes, max pooling after each block but the last, two identical decoders.

    The paper contradicts itself: pooling after four of five blocks leaves a sixteenth of the resolution along each
    axis, yet "one-fourth of their original resolution" is stated. We keep the five blocks and four poolings, which
    the widths confirm (64 doubled four times is 1024), and a sixteenth; no placing of the poolings it describes gives
    a fourth.

    Where the paper is silent: a decoder is the encoder reversed, as in SegNet (Badrinarayanan et al. 2017, IEEE TPAMI
    39:2481): the last convolution of a block halves the planes, so that the up-sampled features have those of the
    pooling they undo. Its up-sampling is SegNet's, the network the paper builds on: each value returns to the place
    of the maximum it was pooled from, with zeros around it. ``repetition`` is the other reading of "upsampling
    layers", what Keras, the paper's library, calls so: each value four times. Neither has parameters. A 1x1 convolution
    with two outputs (background, structure) ends each decoder; He's initialisation; batch normalisation's shift
    replaces the bias of 3x3 convolutions.

    Ties between neighbours are broken by place, not by rounding (``unpooling``).

    Parameters
    ----------
    in_channels : int
        Image channels.
    width : int
        Planes of the first block, 64 in the paper.
    up_sampling : {"unpooling", "repetition"}
        How a decoder doubles the size.
    """

    def __init__(self, in_channels: int, width: int = 64, up_sampling: UpSampling = "unpooling") -> None:
        super().__init__()
        widths = [width * 2**level for level in range(BLOCKS)]
        inputs = [in_channels, *widths[:-1]]
        self.encoder = nn.ModuleList(conv_block(n_in, n, n) for n_in, n in zip(inputs, widths, strict=True))
        self.lung = _Decoder(widths, up_sampling)
        self.disease = _Decoder(widths, up_sampling)
        self.apply(initialise)
        # faster on the CPU; torch's stubs leave this form of the call out
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, 2: lung and disease, y, x) of an image (batch, channels, y, x).

        Each is structure minus background of its decoder: the sigmoid of the difference is the softmax probability of
        the structure, which is what nnU-Net's regions take.

        Raises
        ------
        TrainerError
            y or x is no multiple of 16.
        """
        _check_size(image)
        features, places = image.contiguous(memory_format=torch.channels_last), []
        for level, block in enumerate(self.encoder):
            if level:
                features, maxima = pool(features)
                places.append(maxima)
            features = block(features)
        return torch.cat([decoder(features, places) for decoder in (self.lung, self.disease)], dim=1)


class _Decoder(nn.Module):
    def __init__(self, widths: list[int], up_sampling: UpSampling) -> None:
        super().__init__()
        outputs = [*widths[-2::-1], widths[0]]
        self.blocks = nn.ModuleList(conv_block(n, n, n_out) for n, n_out in zip(widths[::-1], outputs, strict=True))
        self.head = nn.Conv2d(widths[0], 2, 1)
        self._unpool = up_sampling == "unpooling"

    def forward(self, features: torch.Tensor, places: list[torch.Tensor]) -> torch.Tensor:
        """Return structure minus background (batch, 1, y, x)."""
        for block, maxima in zip(self.blocks, [*places[::-1], None], strict=True):
            features = block(features)
            if maxima is not None and self._unpool:
                features = unpool(features, maxima)
            elif maxima is not None:
                features = nn.functional.interpolate(features, scale_factor=2, mode="nearest")
        background, structure = self.head(features).split(1, dim=1)
        return structure - background


def _check_size(image: torch.Tensor) -> None:
    size = tuple(image.shape[2:])
    if len(size) != 2 or any(n % MULTIPLE for n in size):
        raise TrainerError(
            "AtlasNet",
            found=f"an input of size {size}",
            wanted=f"(y, x), each a multiple of {MULTIPLE}",
            action="choose such a patch size in the plans",
        )
