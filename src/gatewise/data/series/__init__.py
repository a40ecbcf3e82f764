"""Time series: when each value was, how far apart, what is missing, and windows over them."""
