"""The kernels of GPUs: a cell's equations printed as Triton, and the loops that launch them."""
