"""Which inputs a prediction came from: a file for each kind of prediction."""
