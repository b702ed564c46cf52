"""Scores of any two folders of label maps, without a study."""
