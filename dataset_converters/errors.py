"""The error every converter raises: dataset, case, what was found, wanted, and what to do."""

from typing import Any


class ConversionError(Exception):
    """A source case cannot be converted without guessing.

    Attributes
    ----------
    dataset, case : str
        What the message is about; ``case`` is empty when the whole dataset is meant.
    readable : tuple
        The other cases of a listing that this fault stopped, so that a study may exclude the faulty one.
    """

    readable: tuple[Any, ...] = ()

    def __init__(self, dataset: str, case: str, *, found: str, wanted: str, action: str) -> None:
        where = f"{dataset}: {case}" if case else dataset
        super().__init__(f"{where}: found {found}; wanted {wanted}; {action}")
        self.dataset = dataset
        self.case = case
