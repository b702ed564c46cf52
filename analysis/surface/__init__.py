"""Distances between the surfaces of two masks: ours, and the surface-distance package giving the same record."""
