"""Sentences about files of a collection that become no case: how many, and why; never a name."""


def left_out_note(count: int, what: str, why: str) -> tuple[str, ...]:
    """Return one sentence for `dataset_converters.registry.left_out`, none if nothing is left out."""
    return (f"{count} {what} left out: {why}",) if count else ()
