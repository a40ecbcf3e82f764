"""Synthetic problems that test what a cell can learn and remember."""
