"""Label each step of a sequence."""
