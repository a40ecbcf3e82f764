"""Training, and the honest comparison of what was trained. The only room that imports Lightning."""
