"""The error every training stage raises: what was found, wanted, and what to do."""


class TrainerError(RuntimeError):
    """Training, preparation or prediction cannot go on without guessing."""

    def __init__(self, where: str, *, found: str, wanted: str, action: str) -> None:
        super().__init__(f"{where}: found {found}; wanted {wanted}; {action}")
