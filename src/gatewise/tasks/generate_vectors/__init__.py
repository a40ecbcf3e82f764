"""The task `generate-vectors`."""
