"""What comes next in a series: stacks, grids, encoders and decoders, and what they must beat."""
