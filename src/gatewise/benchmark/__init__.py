"""Benchmarks of the layers against other libraries, measured in one run."""
