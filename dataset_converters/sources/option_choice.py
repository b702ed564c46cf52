"""An option of a dataset that takes one of a few values."""

from collections.abc import Collection

from dataset_converters.errors import ConversionError


def check_choice(value: object, choices: Collection[object], *, option: str, dataset: str) -> None:
    """Refuse a value that is none of the choices; ``1`` is not ``true``.

    Raises
    ------
    ConversionError
        Found another value.
    """
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        wanted = " or ".join(str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in choices)
        found = f"option {option} with another value"
        raise ConversionError(dataset, "", found=found, wanted=wanted, action="correct it")
