"""Nodes as SVG: layers with their ports, operators, functions, and the names of states and inputs."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gatewise.diagrams.canvas import Canvas, text
from gatewise.diagrams.graph import Node
from gatewise.diagrams.labels import plain, variable
from gatewise.diagrams.placement import HEAD, PITCH, PORT, Box, titled
from gatewise.diagrams.wiring import Drawing, Sink

SIGN, WORD = 17, 14  # sizes of the fonts of operators


class Shapes:
    """The shapes of a drawing. at: the letter of the step, or of the position on a lattice"""

    drawn: Drawing
    canvas: Canvas
    at: str

    def __init__(self, drawn: Drawing, canvas: Canvas, at: str) -> None:
        self.drawn, self.canvas, self.at = drawn, canvas, at

    def all(self) -> Iterator[str]:
        """Each node, with its formula as a tooltip."""
        for node, box in self.drawn.placement.boxes.items():
            tooltip = escape(plain(_described(node)))
            yield f"<g {self._data(node)}><title>{tooltip}</title>{''.join(self._shape(node, box))}</g>"

    def terminals(self) -> Iterator[str]:
        """The names of inputs and states at the edges."""
        for node, point in self.drawn.placement.entries.items():
            x, y = self.canvas.xy(point)
            if node.kind == "input":
                yield text(x, y + 16, HEAD, node.label, more=self._data(node))
            else:
                yield text(x - 7, y + 5, HEAD, node.label, "end", self._data(node))
        for name, point in self.drawn.placement.exits.items():
            x, y = self.canvas.xy(point)
            yield text(x + 7, y + 5, HEAD, self._new(name), "start")
        x, y = self.canvas.xy(next(wire.points[-1] for wire in self.drawn.wires if wire.sink == Sink()))
        yield text(x, y - 7, HEAD, self._new(next(iter(self.drawn.graph.states))))

    def _new(self, state: str) -> str:
        return f"{variable(state)}_{{{self.at}}}"

    def _data(self, node: Node) -> str:
        line = f' data-line="{node.line}"' if node.line else ""
        number, formula = self.canvas.numbers[node], escape(node.formula)
        return f'data-node="{number}" data-kind="{node.kind}"{line} data-formula="{formula}"'

    def _shape(self, node: Node, box: Box) -> Iterator[str]:
        x, y = self.canvas.xy((box.left, box.top))
        wide, high = (box.right - box.left) * PITCH, (box.bottom - box.top) * PITCH
        middle = x + wide / 2
        kind = "gate" if node.gate and node.kind != "operator" else node.kind
        radius = 5 if node.kind == "layer" else high // 2
        yield f'<rect class="shape {kind}" x="{x}" y="{y}" width="{wide}" height="{high}" rx="{radius}"/>'
        if node.kind == "layer":
            yield text(middle, y + 17, HEAD, titled(node))
            yield f'<path class="split" d="M{x} {y + 2 * PITCH}h{wide}"/>'
            yield from self._ports(node, box)
        elif node.kind == "operator":
            size = SIGN if len(node.label) == 1 else WORD
            yield text(middle, y + high / 2 + 0.33 * size, size, node.label)
            if node.line and self.drawn.graph.states.get(node.line) is not node:
                yield text(x + wide + 1, y - 1, WORD, variable(node.line), "start")
        else:
            yield text(middle, y + high / 2 + 5, HEAD, titled(node))

    def _ports(self, node: Node, box: Box) -> Iterator[str]:
        """The terms of a layer's sum, each above the wire that enters it."""
        at = box.left
        for number, (pin, column) in enumerate(zip(node.pins, box.ports, strict=True)):
            x, y = self.canvas.xy((column, box.bottom))
            data = f'data-pin="{number}" data-term="{escape(pin.formula)}"'
            yield text(x, y - 8, PORT, pin.label, more=data)
            if number:
                left, _ = self.canvas.xy((at, box.bottom))
                yield f'<path class="split" d="M{left} {y}v{-2 * PITCH}"/>'
            at += 2 * (column - at)


def _described(node: Node) -> str:
    terms = ", ".join(pin.label for pin in node.pins if pin.label)
    return f"{titled(node)} of {terms}" if node.kind == "layer" else titled(node)
