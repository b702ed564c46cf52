"""Variants made from an image after it was read: one file each, found by name."""
