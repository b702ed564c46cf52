"""A collection to nnU-Net raw format, whole or resumable."""
