"""Learn to translate from pairs of texts."""

ESTIMATOR = "Translator"
