"""Source collections and kernel variants to nnU-Net raw format."""
