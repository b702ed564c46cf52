"""nnU-Net itself as a competitor in a study."""

from trainers.base import CTShiftTrainer


class nnUNetTrainerCTShiftStock(CTShiftTrainer):  # noqa: N801
    """nnU-Net's own network, loss, sampling and augmentation, on a study's splits and budget.

    Isensee et al. 2021, Nat Methods 18:203-211, as in nnunetv2 2.8 with two changes: the iterations are the study's
    (the learning rate decays over them), and Gaussian blur always convolves directly, where nnU-Net picks the
    faster of two algorithms by timing them, so that a training can be repeated.
    """
