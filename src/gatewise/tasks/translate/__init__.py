"""Learn to translate from pairs of texts."""
