"""Every file of a folder through the readers."""
