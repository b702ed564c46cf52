"""The errors every analysis stage raises: what was found, what was wanted, what to do."""


class AnalysisError(Exception):
    """A run folder cannot be analysed; the message names the file or case and what to do."""


class NotApplicableError(AnalysisError):
    """A table or figure asks for what this study does not have; the message names it. Not a failure of the run."""
