"""Preprocessing what users have, and cutting it into windows and batches."""
