"""Prediction of test images with trained models and untrained baselines."""
