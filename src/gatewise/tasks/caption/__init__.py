"""Write captions for images."""

ESTIMATOR = "Captioner"
