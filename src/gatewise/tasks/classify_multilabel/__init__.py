"""Predict any number of labels of a sequence; classify with several label columns does the same."""

ESTIMATOR = "Classifier"
VARIANT_OF = "classify"
