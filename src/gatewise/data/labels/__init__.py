"""Sequences with a label at each step, and sequences with an unaligned text."""
