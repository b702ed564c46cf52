"""Reconstruction kernels: their classes, and pairs of one acquisition."""
