"""Diagrams: one step of a cell, drawn from its equations."""

from gatewise.diagrams.diagram import Diagram, draw

__all__ = ["Diagram", "draw"]
