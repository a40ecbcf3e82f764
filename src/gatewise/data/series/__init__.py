"""Time series: their times, steps and missing values, their scales, and windows over them."""
