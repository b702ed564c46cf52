"""The error for a registration that was asked for wrongly, or a file of one that cannot be used."""


class RegistrationError(Exception):
    """A request or a file of a registration is wrong; an image that cannot be registered is a status instead."""

    def __init__(self, where: str, *, found: str, wanted: str, action: str) -> None:
        super().__init__(f"{where}: found {found}; wanted {wanted}; {action}")
