"""Export to archives of PyTorch, which load without gatewise."""
