"""Classify clips of images."""
