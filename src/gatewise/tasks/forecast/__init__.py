"""Forecast series."""

ESTIMATOR = "Forecaster"
