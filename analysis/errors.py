"""The error every analysis stage raises: what was found, what was wanted, what to do."""


class AnalysisError(Exception):
    """A run folder cannot be analysed; the message names the file or case and what to do."""
