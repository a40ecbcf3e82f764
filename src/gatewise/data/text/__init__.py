"""Texts: symbols of an alphabet, texts of any size, and pairs of texts."""
