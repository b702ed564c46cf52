"""Layouts, tables and overlaps of source collections."""
