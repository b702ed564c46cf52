"""What several tables share: rows, cells, tests between cohorts and notes."""
