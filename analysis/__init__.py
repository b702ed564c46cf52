"""Predictions to scores, statistics, tables and figures; never imports torch."""
