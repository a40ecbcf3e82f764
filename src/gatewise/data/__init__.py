"""Reads users' data, splits them into sets, and cuts them into windows and batches."""
