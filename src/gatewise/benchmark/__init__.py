"""How fast the layers are, beside others, measured in one run."""
