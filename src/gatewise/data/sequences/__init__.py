"""Sequences of vectors, each of its own length: from archives, long tables, and to disk."""
