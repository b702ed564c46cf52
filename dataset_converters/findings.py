"""One thing a check found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something wrong (``error``) or doubtful (``warning``) in a dataset; ``case`` is empty for the whole dataset."""

    severity: str
    dataset: str
    case: str
    found: str
    wanted: str
    action: str

    def __str__(self) -> str:
        where = f"{self.dataset}: {self.case}" if self.case else self.dataset
        return f"{self.severity}: {where}: found {self.found}; wanted {self.wanted}; {self.action}"
