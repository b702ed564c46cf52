"""Which slices and patches a model is trained on."""
