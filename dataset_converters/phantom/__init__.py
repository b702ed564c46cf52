"""The digital chest: anatomy, disease, tissue and readers of one simulated patient."""
