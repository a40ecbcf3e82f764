"""A text from a text: encoder, decoder, the search between them, and what they must beat."""
