"""Which inputs a prediction came from: a file for each kind of prediction."""

EXPLAINED = (
    "forecast",
    "classify",
    "classify-images",
    "frames",
    "label",
    "generate",
    "translate",
)  # the tasks
