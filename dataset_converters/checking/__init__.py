"""What nnU-Net would not notice in a raw dataset."""
