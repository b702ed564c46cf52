"""Ways to find a deformation after affine alignment: one file each, found by name."""
