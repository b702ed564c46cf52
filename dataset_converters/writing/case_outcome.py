"""What became of one case: a record, faults, or a reason to stop; in a form that passes between processes."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.unexpected import unexpected_fault
from dataset_converters.records import Case
from dataset_converters.writing.case_writer import write_case
from dataset_converters.writing.target import Target
from dataset_converters.writing.workers import Lost

_ABORTING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE)


@dataclass(frozen=True)
class Outcome:
    """What became of one case.

    Attributes
    ----------
    record : mapping or None
        Of a case that was written.
    faults : tuple
        (dataset, case, message) of every fault.
    stop : OSError or None
        What makes it useless to go on, such as a full disk.
    """

    record: dict[str, Any] | None = None
    faults: tuple[tuple[str, str, str], ...] = ()
    stop: OSError | None = None

    def errors(self) -> list[ConversionError]:
        """Return the faults as errors."""
        return [_restored(*fault) for fault in self.faults]


def attempt_case(target: Target, case: Case) -> Outcome:
    """Write one case; every error but those that end the process becomes part of the outcome."""
    try:
        return Outcome(record=write_case(target, case))
    except ConversionError as error:
        return _faulty([error])
    except ConversionErrors as errors:
        return _faulty(errors.exceptions)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _ABORTING:
            return Outcome(stop=error)
        return _faulty([unexpected_fault(target.info.name, case.case, error)])


def lost_case(target: Target, case: Case, lost: Lost) -> Outcome:
    """Return the outcome of a case whose process ended."""
    how = f"signal {-lost.exit_code}" if lost.exit_code < 0 else f"exit code {lost.exit_code}"
    error = ConversionError(
        target.info.name,
        case.case,
        found=f"a worker process that ended ({how}) while converting it",
        wanted="a worker that lives (systems out of memory kill with signal 9)",
        action="use fewer workers, free memory, or exclude the case with a reason",
    )
    return _faulty([error])


def _faulty(errors: Sequence[ConversionError]) -> Outcome:
    return Outcome(faults=tuple((error.dataset, error.case, str(error)) for error in errors))


def _restored(dataset: str, case: str, message: str) -> ConversionError:
    error = ConversionError.__new__(ConversionError, message)
    error.dataset, error.case = dataset, case
    return error
