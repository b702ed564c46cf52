"""Whether a converted case looks like a patient, and a page to see it."""
