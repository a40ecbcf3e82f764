"""Classify sequences."""

ESTIMATOR = "Classifier"
