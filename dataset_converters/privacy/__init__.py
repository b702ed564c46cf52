"""What of a source may be repeated in outputs and messages."""
