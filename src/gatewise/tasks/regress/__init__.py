"""Predict numbers from sequences."""

ESTIMATOR = "Regressor"
