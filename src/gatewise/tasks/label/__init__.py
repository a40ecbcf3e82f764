"""The task `label`."""
