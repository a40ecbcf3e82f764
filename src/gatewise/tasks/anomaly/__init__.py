"""Detect anomalies in series."""

ESTIMATOR = "AnomalyDetector"
