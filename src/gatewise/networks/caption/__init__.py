"""A text from an image: a reader, a decoder, and what they must beat."""
