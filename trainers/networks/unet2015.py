"""The U-Net of Ronneberger et al. 2015 with the block and the depth of Hoang-Thi et al. 2021."""

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.networks.convolutions import conv_block, initialise

DOWN_SAMPLINGS = 5
CAP = 8  # times the first width


class UNet2015(nn.Module):
    """Five down-samplings, a bottleneck and five up-samplings, with skip connections.

    Every block is twice Conv2D 3x3, batch normalisation, ReLU. Down: 2x2 max pooling. Up: 2x2 transposed
    convolution, the encoder's features of the same size are concatenated, then a block. A 1x1 convolution ends it.

    Sources: Ronneberger et al. 2015 (arXiv:1505.04597), architecture and He's initialisation (section 3); Hoang-Thi et
    al. 2021 (Diagn Interv Imaging 102:691-695, section 2.5): "five blocks with a down-sampling operation
    applied every two consequent Conv2D-BN-ReLU layers", "five decoding blocks", transposed convolutions, skips.
    Deviations from 2015: five levels instead of four, padded convolutions (the output has the input's size), batch
    normalisation (its shift replaces the convolution's bias), no dropout. The 2021 paper gives no widths: they double
    from ``width`` and are capped at 8 times it (64 to 512 in the default).

    Parameters
    ----------
    in_channels, out_channels : int
        Image channels and classes.
    width : int
        Channels of the first block.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64) -> None:
        super().__init__()
        widths = [min(width * 2**level, width * CAP) for level in range(DOWN_SAMPLINGS + 1)]
        inputs = [in_channels, *widths[:-1]]
        self.encoder = nn.ModuleList(conv_block(n_in, n, n) for n_in, n in zip(inputs, widths, strict=True))
        levels = list(reversed(range(DOWN_SAMPLINGS)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(widths[k + 1], widths[k], 2, stride=2) for k in levels)
        self.decoder = nn.ModuleList(conv_block(2 * widths[k], widths[k], widths[k]) for k in levels)
        self.head = nn.Conv2d(widths[0], out_channels, 1)
        self.pool = nn.MaxPool2d(2)
        self.apply(initialise)
        # a third faster on the CPU; torch's stubs leave this form of the call out
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, classes, y, x) of an image (batch, channels, y, x).

        Raises
        ------
        TrainerError
            y or x is no multiple of 32.
        """
        _check_size(image)
        features, skips = image.contiguous(memory_format=torch.channels_last), []
        for level, block in enumerate(self.encoder):
            features = block(features if level == 0 else self.pool(features))
            skips.append(features)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            features = block(torch.cat([skips.pop(), up(features)], dim=1))
        logits: torch.Tensor = self.head(features)
        return logits


def _check_size(image: torch.Tensor) -> None:
    size = tuple(image.shape[2:])
    multiple = 2**DOWN_SAMPLINGS
    if len(size) != 2 or any(n % multiple for n in size):
        raise TrainerError(
            "UNet2015",
            found=f"an input of size {size}",
            wanted=f"(y, x), each a multiple of {multiple}",
            action="choose such a patch size in the plans",
        )
