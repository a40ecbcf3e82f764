"""Write captions for images."""
