"""The columns of a score row, in order (the word ``score`` of the design)."""

KEY = (
    "study", "dataset", "patient", "case", "variant", "variant_kind", "reader", "structure", "slices", "dimension",
    "arm", "trainer", "fold", "seed", "postprocess", "metric", "definition", "backend",
)  # fmt: skip
COLUMNS = (*KEY, "value", "unit", "status", "reason")
