"""What the doctor tells: one finding, with what was found, what was wanted and what to do."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["problem", "warning"]


@dataclass(frozen=True)
class Finding:
    """A problem would stop the study or spoil it; a warning may slow it down or cannot be judged from here.

    ``found`` alone holds the whole sentence where another part of the program said it.
    """

    area: str
    found: str
    wanted: str = ""
    action: str = ""
    severity: Severity = "problem"

    def __str__(self) -> str:
        if not self.wanted:
            return self.found
        return f"{self.area}: found {self.found}; wanted {self.wanted}; {self.action}"
