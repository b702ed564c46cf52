"""An error of a library as one of ours: its type and place, never its text, which may quote what must not be shown."""

import traceback
from pathlib import Path

from dataset_converters.errors import ConversionError

_PACKAGE = Path(__file__).resolve().parents[1]


def unexpected_fault(dataset: str, case: str, error: BaseException) -> ConversionError:
    """Return what a user can do about an error that no dataset file foresaw."""
    found, action = f"{type(error).__name__} {error_place(error)}", "check the files and options"
    if isinstance(error, MemoryError):
        found, action = f"too little memory {error_place(error)}", "free memory or use fewer workers"
    return ConversionError(
        dataset,
        case,
        found=found,
        wanted="a readable source and options the dataset understands",
        action=f"{action}, or exclude the case with a reason" if case else action,
    )


def error_place(error: BaseException) -> str:
    """Return where an error arose: the last line of this package, and the line of the library it called."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame[0].is_relative_to(_PACKAGE)][-1:]
    places = dict.fromkeys(f"{path.name}, line {line}" for path, line in (*ours, *frames[-1:]))
    return f"({'; '.join(places)})" if places else "(no place known)"
