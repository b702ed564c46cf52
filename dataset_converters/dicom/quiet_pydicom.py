"""Reading with pydicom without its warnings and log lines, which quote attribute values."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydicom import config

_LOGGERS = ("pydicom", "pylibjpeg", "openjpeg", "libjpeg", "jpeg_ls", "gdcm")
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet() -> Iterator[None]:
    """Silence `warnings` and the loggers of pydicom and its decoders within the block.

    Values that break a rule of their type are passed on as they are (`config.IGNORE`): whoever uses one checks it.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    mode = config.settings.reading_validation_mode
    with ExitStack() as undo, warnings.catch_warnings():
        undo.callback(_restore, loggers, levels, mode)
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(_SILENT)
        config.settings.reading_validation_mode = config.IGNORE
        yield


def _restore(loggers: list[logging.Logger], levels: list[int], mode: int) -> None:
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    config.settings.reading_validation_mode = mode
