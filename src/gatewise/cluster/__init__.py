"""Saved models on several machines, with Ray or Spark."""
