"""Measurements of this package against its peers, side by side in one run."""
