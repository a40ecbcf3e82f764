"""Predict the text of an image or a sequence; label --head ctc does the same."""

ESTIMATOR = "Transcriber"
VARIANT_OF = "label"
