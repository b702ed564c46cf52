"""Tests, intervals and models over one value per patient; equal to R where R is the reference."""
