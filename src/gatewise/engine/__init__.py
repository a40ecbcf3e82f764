"""Runs a cell along sequences or over lattices, on one of several backends."""
