"""Learn to continue sequences of vectors; generate does the same with a table."""

ESTIMATOR = "VectorGenerator"
VARIANT_OF = "generate"
