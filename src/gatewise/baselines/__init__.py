"""Baselines that several tasks share."""
