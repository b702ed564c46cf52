"""Every fault of a conversion at once, so that a user repairs a collection in one round."""

from collections.abc import Sequence
from typing import Any, Self

from dataset_converters.errors import ConversionError

_SHOWN = 30


class ConversionErrors(ExceptionGroup[ConversionError]):
    """Several cases cannot be converted; prints one line for each (the first 30), ``exceptions`` holds all."""

    exceptions: tuple[ConversionError, ...]
    readable: tuple[Any, ...] = ()

    def derive(self, excs: Sequence[ConversionError]) -> Self:  # type: ignore[override]
        """Return a group of the same kind with other members."""
        return type(self)(self.message, excs)

    def __str__(self) -> str:
        lines = [f"  {error}" for error in self.exceptions[:_SHOWN]]
        if len(self.exceptions) > _SHOWN:
            lines.append(f"  ... and {len(self.exceptions) - _SHOWN} more")
        return "\n".join([self.message, *lines])


def raise_faults(dataset: str, faults: Sequence[ConversionError]) -> None:
    """Raise nothing, the one fault, or all of them together.

    Raises
    ------
    ConversionError
        If there is exactly one.
    ConversionErrors
        If there are several.
    """
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ConversionErrors(f"{dataset}: {len(faults)} faults; nothing is lost, repair them and run again:", faults)


def faulty_cases(error: ConversionError | ConversionErrors) -> set[str]:
    """Return the names of the cases an error is about."""
    faults = error.exceptions if isinstance(error, ConversionErrors) else (error,)
    return {fault.case for fault in faults}
