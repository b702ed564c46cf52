"""The block both U-Net and AtlasNet are made of, and how its weights begin."""

from torch import nn


def conv_block(n_in: int, n_middle: int, n_out: int) -> nn.Sequential:
    """Return twice Conv2D 3x3, batch normalisation, ReLU; the shift of the normalisation replaces the bias."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_middle, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_middle),
        nn.ReLU(inplace=True),
        nn.Conv2d(n_middle, n_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def initialise(module: nn.Module) -> None:
    """Set a convolution's weights as He et al. 2015 (arXiv:1502.01852, section 2.2) and its bias to 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
