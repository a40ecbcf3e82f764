"""Tokenizers, from texts to numbers and back, and the vocabularies that they learn."""
