"""What readers drew, from any file, as label maps."""
