"""Times: their formats, offsets and zones, and columns of them."""
