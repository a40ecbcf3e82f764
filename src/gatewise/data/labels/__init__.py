"""What is labelled at each step, and texts that nobody aligned with what they are read from."""
