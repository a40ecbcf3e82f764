"""The legend of a diagram: what its shapes and colours mean, of those that occur."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gatewise.diagrams.colours import Colours
from gatewise.diagrams.labels import width
from gatewise.diagrams.wiring import Drawing

SIZE, LINE, SAMPLE = 12.5, 22, 30
SPACE = 20  # between two entries
PROSE = 0.88  # of the estimate of widths, which is that of wide letters and signs
SHAPES = {
    "gate": "gate",
    "layer": "layer: the sum of its terms, then the function",
    "function": "function of one value",
    "parameter": "value of parameters",
}
SIGNS = {
    "subtract": "the value at the small − is subtracted",
    "divide": "the value at the small ÷ divides",
    "outer": "⊗ outer product within a head",
    "contract": "@ matrix times vector within a head",
    "dot": "· dot product within a head",
    "keys(_)": "keys: the same for all units, one number for each key",
}


def legend(drawn: Drawing, top: int, wide: int) -> tuple[list[str], int]:
    """The entries as SVG, and the height below `top` that they take. wide: pixels of the picture"""
    found, x, y = [], 20.0, top
    for sample, words in _entries(drawn):
        needed = SAMPLE * bool(sample) + PROSE * width(words, SIZE)
        if x > 20 and x + needed > wide - 20:
            x, y = 20.0, y + LINE
        if sample:
            found.append(f'<g transform="translate({x:g} {y - 4})">{sample}</g>')
        at = x + SAMPLE * bool(sample)
        found.append(f'<text x="{at:g}" y="{y}" font-size="{SIZE}" class="soft">{escape(words)}</text>')
        x += needed + SPACE
    return found, y + LINE - top


def _entries(drawn: Drawing) -> Iterator[tuple[str, str]]:
    """Samples, centred on a line of 24 pixels, with their meanings."""
    nodes = drawn.placement.boxes
    kinds = {"gate" if node.gate and node.kind != "operator" else node.kind for node in nodes}
    for kind, meaning in SHAPES.items():
        if kind in kinds:
            radius = 7 if kind in ("function", "parameter") else 3
            yield f'<rect class="shape {kind}" y="-7" width="24" height="14" rx="{radius}"/>', meaning
    if "operator" in kinds:
        yield '<circle class="shape operator" cx="12" r="7.5"/>', "operation, unit by unit"
    for colour, meaning in Colours(drawn).legend().items():
        yield f'<path class="wire {colour}" d="M0 0h24"/>', meaning
    if any(node.matrix for node in drawn.graph.nodes):
        lines = '<path class="wire memory matrix" d="M0 0h24"/><path class="wire core" d="M0 0h24"/>'
        yield lines, "matrix: a row for each unit, a column for each key"
    functions = {node.formula for node in nodes}
    for function, meaning in SIGNS.items():
        if function in functions:
            yield "", meaning
    if any("LN_" in one for node in nodes for one in (node.label, *(pin.label for pin in node.pins))):
        yield "", "LN: layer normalization, of all values under one name together"
