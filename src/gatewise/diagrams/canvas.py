"""From the grid to pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatewise.diagrams.graph import Node
from gatewise.diagrams.labels import tspans
from gatewise.diagrams.placement import PITCH
from gatewise.diagrams.routing import Point


@dataclass(frozen=True)
class Canvas:
    """The place of the grid in a picture.

    left, top: pixels
    numbers: a name for each node, which attributes of shapes and wires have
    """

    left: int
    top: int
    numbers: Mapping[Node, str]

    def xy(self, point: Point) -> tuple[int, int]:
        """A point of the grid in pixels."""
        return self.left + point[0] * PITCH, self.top + point[1] * PITCH


def text(x: float, y: float, size: float, markup: str, anchor: str = "middle", more: str = "") -> str:
    """An SVG `<text>`. markup: as `labels` has it; more: further attributes"""
    attributes = f'x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"{more and " " + more}'
    return f"<text {attributes}>{tspans(markup, size)}</text>"
