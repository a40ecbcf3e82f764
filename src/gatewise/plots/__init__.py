"""Figures that several tasks share."""
