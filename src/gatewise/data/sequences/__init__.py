"""Sequences of vectors of different lengths, from archives and long tables, kept on disk."""
