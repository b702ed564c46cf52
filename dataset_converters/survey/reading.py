"""What a reader of the survey says of one file or series."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What was read, what was noted, and why it was refused; skipped if all but ``note`` are empty.

    Attributes
    ----------
    label_map : bool
        Whether the file turned out to be a label map where a CT volume was looked for; it is read again as one.
    """

    what: str = ""
    note: str = ""
    refused: str = ""
    label_map: bool = False
