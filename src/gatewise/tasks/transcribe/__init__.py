"""Read the text that a sequence holds; label --head ctc does the same."""

ESTIMATOR = "Transcriber"
VARIANT_OF = "label"
