"""Learn to continue a text, symbol by symbol, or a table of vectors."""

ESTIMATOR = "TextGenerator"
