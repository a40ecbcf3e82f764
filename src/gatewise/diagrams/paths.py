"""Wires as SVG: rounded corners, bridges where wires cross, dots where they fork, arrows where they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from gatewise.diagrams.canvas import Canvas
from gatewise.diagrams.colours import Colours
from gatewise.diagrams.graph import Node
from gatewise.diagrams.routing import Point
from gatewise.diagrams.wiring import Drawing, Wire

ROUND, BRIDGE, DOT = 9, 5, 3.6  # radii in pixels
ARROW, HALF = 7, 3.4  # the length of an arrow, and half of its width


class Paths:
    """The wires of a drawing."""

    drawn: Drawing
    canvas: Canvas
    colours: Colours
    forks: set[tuple[Node, Point]]
    across: Mapping[Point, Node]

    def __init__(self, drawn: Drawing, canvas: Canvas) -> None:
        self.drawn, self.canvas, self.colours = drawn, canvas, Colours(drawn)
        self.forks = {(wire.source, point) for wire in drawn.wires for point in wire.forks}
        self.across = _across(drawn)

    def all(self) -> Iterator[str]:
        """Each wire with its dots and its arrow."""
        for wire in self.drawn.wires:
            colour = self.colours.of(wire.source)
            path = self._path(wire)
            data = f'data-from="{self.canvas.numbers[wire.source]}"{self._target(wire)}'
            if wire.source.matrix:
                yield f'<path class="wire {colour} matrix" d="{path}"/>'
                yield f'<path class="wire core" d="{path}" {data}/>'
            else:
                yield f'<path class="wire {colour}" d="{path}" {data}/>'
            for point in wire.forks:
                x, y = self.canvas.xy(point)
                yield f'<circle class="end {colour}" cx="{x}" cy="{y}" r="{DOT}"/>'
            if wire.sink is not None:
                yield self._arrow(wire, colour)

    def _target(self, wire: Wire) -> str:
        sink = wire.sink
        if sink is None:
            return ""
        if sink.reader is not None:
            return f' data-to="{self.canvas.numbers[sink.reader]}" data-pin="{sink.pin}"'
        return f' data-to="state" data-state="{sink.state}"' if sink.state else ' data-to="output"'

    def _path(self, wire: Wire) -> str:
        points = wire.points
        x, y = self.canvas.xy(points[0])
        path = [f"M{x} {y}"]
        for number in range(1, len(points)):
            first, second = points[number - 1], points[number]
            path += self._bridges(wire.source, first, second)
            x, y = self.canvas.xy(second)
            if number == len(points) - 1 or (wire.source, second) in self.forks:
                path.append(f"L{x} {y}")
                continue
            (a, b), (c, d) = self.canvas.xy(first), self.canvas.xy(points[number + 1])
            path.append(f"L{_towards(x, a)} {_towards(y, b)}Q{x} {y} {_towards(x, c)} {_towards(y, d)}")
        return "".join(path)

    def _bridges(self, source: Node, first: Point, second: Point) -> Iterator[str]:
        """The bridges of a vertical part over horizontal wires of other values."""
        if first[0] != second[0]:
            return
        down = 1 if second[1] > first[1] else -1
        for row in range(first[1] + down, second[1], down):
            if self.across.get((first[0], row), source) is not source:
                x, y = self.canvas.xy((first[0], row))
                yield f"L{x} {y - BRIDGE * down}a{BRIDGE} {BRIDGE} 0 0 {int(down > 0)} 0 {2 * BRIDGE * down}"

    def _arrow(self, wire: Wire, colour: str) -> str:
        before, last = wire.points[-2:]
        across = (last[0] > before[0]) - (last[0] < before[0])
        down = (last[1] > before[1]) - (last[1] < before[1])
        x, y = self.canvas.xy(last)
        a, b = x - ARROW * across, y - ARROW * down
        corners = [(x, y), (a - HALF * down, b - HALF * across), (a + HALF * down, b + HALF * across)]
        listed = " ".join(f"{one:g},{other:g}" for one, other in corners)
        return f'<polygon class="end {colour}" points="{listed}"/>' + self._mark(wire, x, y, across, down)

    def _mark(self, wire: Wire, x: int, y: int, across: int, down: int) -> str:
        """The sign of an operand whose order matters, at the end of its wire, outside of its last turn."""
        sink = wire.sink
        if sink is None or sink.reader is None or sink.reader.kind != "operator":
            return ""
        turned = wire.points[-3] if len(wire.points) > 2 else wire.points[-2]
        last = wire.points[-1]
        side = 1 if (turned[1] < last[1] if across else turned[0] < last[0]) else -1
        a = x - 13 * across + 9 * side * abs(down)
        b = y - 12 * down + (9 * side + 4) * abs(across) + 4 * abs(down)
        mark = sink.reader.pins[sink.pin].label
        return f'<text x="{a}" y="{b}" font-size="13" text-anchor="middle">{mark}</text>' if mark else ""


def _across(drawn: Drawing) -> Mapping[Point, Node]:
    """The points of horizontal wires."""
    found: dict[Point, Node] = {}
    for wire in drawn.wires:
        for (a, b), (c, d) in pairwise(wire.points):
            if b == d:
                found |= {(column, b): wire.source for column in range(min(a, c), max(a, c) + 1)}
    return found


def _towards(corner: int, other: int) -> int:
    """A coordinate, moved from a corner towards a neighbour by the radius, or half of the way."""
    far = other - corner
    return corner + max(-ROUND, min(ROUND, far if abs(far) < ROUND else far // 2))
