"""The task `classify-images`."""
