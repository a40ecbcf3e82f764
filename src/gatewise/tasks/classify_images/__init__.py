"""Classify images; classify does the same with a folder."""

ESTIMATOR = "Classifier"
VARIANT_OF = "classify"
