"""Training, and the honest comparison of what was trained. The only package that imports Lightning."""
