"""Small made data to try the tasks on: drawn at random, the same each time."""
