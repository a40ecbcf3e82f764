"""Classify clips of images."""

ESTIMATOR = "Classifier"
