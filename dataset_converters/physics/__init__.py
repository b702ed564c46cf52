"""Kernels and noise of CT: pure maths on arrays, no input or output."""
