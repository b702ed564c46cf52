"""Network architectures that the trainers share."""
