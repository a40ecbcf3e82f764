"""Texts of any size, lines of text, and pairs of texts."""
