"""What nnU-Net trains: trainers, networks and prediction."""
