"""Predictions and readers of one examination to score rows."""
