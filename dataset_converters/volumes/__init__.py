"""Volume files and the grids they lie on."""
