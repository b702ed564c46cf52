"""One file per trainer class that ``nnUNetv2_train`` finds by name."""
