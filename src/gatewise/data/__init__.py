"""Reads what users have, splits it, and cuts it into windows and batches."""
