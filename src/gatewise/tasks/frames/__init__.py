"""The task `frames`."""
