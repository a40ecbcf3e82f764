"""Label each step of a sequence."""

ESTIMATOR = "Labeler"
