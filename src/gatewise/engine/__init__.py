"""Runs a cell along a sequence, on the backend that can."""
