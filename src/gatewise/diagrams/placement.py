"""Where the shapes of a diagram are, on a grid.

Time passes from left to right: a shape is right of all that it reads, or above it. Layers are in a row at
the bottom, where the input comes from; carried memory is a straight line, a lane, at the top; all else is
between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

from gatewise.diagrams.graph import BETWEEN_UNITS, Graph, Node
from gatewise.diagrams.labels import variable, width

PITCH = 12  # pixels between two lines of the grid
HEAD, PORT = 15, 11.5  # sizes of the fonts
LAYER_HEIGHT = 4
LANE_DISTANCE = ROW_DISTANCE = 4
MOST_BETWEEN = 2  # shapes above each other between a layer and the lanes
FROM_EDGE = 6  # columns between an edge and the shapes, for wires that turn there
Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """The place of a node: its outline in lines of the grid, all included."""

    left: int
    top: int
    right: int
    bottom: int
    ports: tuple[int, ...] = ()  # of a layer: the column of each pin

    @property
    def centre(self) -> Point:
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2


@dataclass(frozen=True)
class Placement:
    """All places.

    boxes: of the nodes that are shapes
    entries: where inputs and previous states enter: at the left edge, or at the bottom
    exits: where the new states leave at the right edge, by name
    output: the columns in which the output may leave at the top
    rails: the row under the layers in which the value of a node runs
    """

    columns: int
    rows: int
    boxes: Mapping[Node, Box]
    lanes: Mapping[Node, int]
    entries: Mapping[Node, Point]
    exits: Mapping[str, Point]
    output: tuple[int, ...]
    rails: Mapping[Node, int]


@dataclass
class _Stack:
    """Shapes above each other: at most a layer, some between, and one on a lane."""

    layer: Node | None = None
    between: list[Node] = field(default_factory=list)
    lane: Node | None = None

    @property
    def nodes(self) -> list[Node]:
        """From the bottom."""
        return [one for one in (self.layer, *self.between, self.lane) if one is not None]

    def takes(self, node: Node) -> bool:
        """Whether a node may be above the others: it reads the topmost, and there is room."""
        return bool(self.nodes) and self.nodes[-1] in node.sources and self.lane is None


def place(drawn: Graph, gap: int) -> Placement:
    """Places all shapes. gap: lines of the grid between neighbours, which wires use"""
    lanes = _lanes(drawn)
    order = _order(drawn, lanes)
    stacks = _stacks(order, lanes)
    rows = _Rows(stacks, lanes, gap)
    boxes: dict[Node, Box] = {}
    at = FROM_EDGE
    for stack in stacks:
        wide = max(_size(node)[0] for node in stack.nodes)
        for node in stack.nodes:
            boxes[node] = _box(node, at + wide // 2, rows.of(node))
        at += wide + gap
    columns = at - gap + FROM_EDGE + 2
    readers = _readers(drawn)
    rails = _rails(drawn, boxes, readers, set(lanes), rows.under)
    reads_input = any(node.kind == "input" for node in drawn.nodes)
    bottom = max([rows.layers + 3, *rails.values()]) + (3 if reads_input else 0)
    entries: dict[Node, Point] = {}
    for node in drawn.nodes:
        if node.kind == "previous":
            entries[node] = (0, lanes.get(node, rails.get(node, rows.under)))
        elif node.kind == "input":
            entries[node] = (_entry_column(node, boxes, readers, entries), bottom)
    exits = {
        name: (columns, _exit_row(name, node, drawn, lanes, entries))
        for name, node in drawn.states.items()
        if name in drawn.carried
    }
    last = boxes[next(iter(drawn.states.values()))]
    above = [last.centre[0]] if last.right > columns - FROM_EDGE - 8 else []
    output = (*above, *range(columns - FROM_EDGE, columns - 4))
    return Placement(columns, bottom, boxes, lanes, entries, exits, output, rails)


def _readers(drawn: Graph) -> dict[Node, list[Node]]:
    found: dict[Node, list[Node]] = defaultdict(list)
    for node in drawn.nodes:
        for source in node.sources:
            found[source].append(node)
    return found


def _lanes(drawn: Graph) -> dict[Node, int]:
    """The row of each node that is on a lane: the longest way from a previous state to the new one.

    The ways lead through operators and functions, not through layers.
    """
    entering = [node for node in drawn.nodes if node.previous is not None]
    names = list(drawn.states)
    entering.sort(key=lambda one: (names.index(one.previous.state) or len(names), one.previous.axis))  # type: ignore[union-attr]
    found: dict[Node, int] = {}
    row = 3
    for node in entering:
        assert node.previous is not None
        way = _longest_way(drawn, node, drawn.states[node.previous.state])
        way = [one for one in way if one not in found]
        if way and way != [node]:
            found |= dict.fromkeys(way, row)
            row += LANE_DISTANCE
    return found


def _longest_way(drawn: Graph, start: Node, end: Node) -> list[Node]:
    """The longest path through operators and functions; empty if there is none."""
    ways: dict[Node, list[Node]] = {start: [start]}
    for node in drawn.nodes:
        if node.kind in ("operator", "function") and node.formula not in BETWEEN_UNITS:
            before = [ways[source] for source in node.sources if source in ways]
            if before:
                ways[node] = [*max(before, key=len), node]
    return ways.get(end, []) if end is not start else []


def _order(drawn: Graph, lanes: Mapping[Node, int]) -> list[Node]:
    """The shapes from left to right, each after those that it reads, which are close to it."""
    names = list(drawn.states)
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node in found:
            return
        for source in sorted(node.sources, key=lambda one: (one not in lanes, one.kind == "layer")):
            visit(source)
        found[node] = None

    for name in [*names[1:], names[0]]:
        visit(drawn.states[name])
    return [node for node in found if node.kind not in ("input", "previous")]


def _stacks(order: list[Node], lanes: Mapping[Node, int]) -> list[_Stack]:
    stacks: list[_Stack] = []
    for node in order:
        last = stacks[-1] if stacks else _Stack()
        if node.kind == "layer":
            stacks.append(_Stack(layer=node))
        elif node in lanes:
            if last.takes(node):
                last.lane = node
            else:
                stacks.append(_Stack(lane=node))
        elif last.takes(node) and len(last.between) < MOST_BETWEEN:
            last.between.append(node)
        else:
            stacks.append(_Stack(between=[node]))
    return stacks


class _Rows:
    """The rows of the shapes' centres."""

    def __init__(self, stacks: list[_Stack], lanes: Mapping[Node, int], gap: int) -> None:
        high = max(len(stack.between) for stack in stacks)
        top = max(lanes.values(), default=0) + 3 + gap
        self.layers = top + (high - 1) * ROW_DISTANCE + 4 + gap if high else top
        self.under = self.layers + LAYER_HEIGHT // 2 + 3  # the first row of rails
        self._rows = dict(lanes)
        for stack in stacks:
            if stack.layer is not None:
                self._rows[stack.layer] = self.layers
            for number, node in enumerate(stack.between):
                self._rows[node] = top + (high - 1 - number) * ROW_DISTANCE

    def of(self, node: Node) -> int:
        """The row of a node."""
        return self._rows[node]


def _even(pixels: float) -> int:
    """The even number of columns that has room for a width."""
    return 2 * max(1, ceil(pixels / (2 * PITCH)))


def _port_widths(node: Node) -> list[int]:
    widths = [_even(width(pin.label, PORT) + 10) for pin in node.pins]
    missing = _even(width(titled(node), HEAD) + 16) - sum(widths)
    for number in range(max(0, missing // 2)):
        widths[number % len(widths)] += 2
    return widths


def titled(node: Node) -> str:
    """The text of a shape, with the name of its value: `f = σ`."""
    return f"{variable(node.line)} = {node.label}" if node.line and node.kind != "operator" else node.label


def _size(node: Node) -> tuple[int, int]:
    """The width and height of a shape, both even."""
    if node.kind == "layer":
        return sum(_port_widths(node)), LAYER_HEIGHT
    if node.kind == "operator":
        return (2 if len(node.label) == 1 else 4), 2
    return _even(width(titled(node), HEAD) + 14), 2


def _box(node: Node, column: int, row: int) -> Box:
    wide, high = _size(node)
    left = column - wide // 2
    ports, at = [], left
    if node.kind == "layer":
        for one in _port_widths(node):
            ports.append(at + one // 2)
            at += one
    return Box(left, row - high // 2, left + wide, row + high // 2, tuple(ports))


def ports_of(node: Node, reader: Node, box: Box) -> Iterator[int]:
    """The columns of the ports at which a layer reads a node."""
    for pin, column in zip(reader.pins, box.ports, strict=False):
        if pin.source is node:
            yield column


def _rails(
    drawn: Graph,
    boxes: Mapping[Node, Box],
    readers: Mapping[Node, list[Node]],
    lanes: set[Node],
    first: int,
) -> dict[Node, int]:
    """A row for each value that several layers read, or that enters without a lane; those of inputs last."""
    spans: dict[Node, tuple[int, int]] = {}
    for node in drawn.nodes:
        into = [one for one in readers[node] if one.kind == "layer"]
        columns = [column for one in into for column in ports_of(node, one, boxes[one])]
        enters = node.kind == "previous" and node not in lanes
        if node.kind == "input" and not columns:
            continue
        if enters or node.kind == "input" or len(columns) > 1:
            left = 0 if node.kind == "previous" else boxes[node].right if node in boxes else min(columns)
            ends = columns or [boxes[one].left for one in readers[node]]
            spans[node] = (min(left, *ends), max(left, *ends))
    found: dict[Node, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for node in sorted(spans, key=lambda one: (one.kind == "input", spans[one][1] - spans[one][0])):
        left, right = spans[node]
        free = (
            number
            for number, row in enumerate(taken)
            if node.kind != "input" and all(right + 2 < a or b + 2 < left for a, b in row)
        )
        number = next(free, len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((left, right))
        found[node] = first + 2 * number
    return found


def _entry_column(
    node: Node, boxes: Mapping[Node, Box], readers: Mapping[Node, list[Node]], others: Mapping[Node, Point]
) -> int:
    """Where an input enters: under the first port that reads it, or left of the first shape."""
    columns = [column for one in readers[node] for column in ports_of(node, one, boxes[one])]
    if columns:
        return min(columns)
    column = min(boxes[one].left for one in readers[node]) - 1
    while any(abs(column - other) < 2 for other, _ in others.values()):
        column += 1
    return column


def _exit_row(
    name: str, node: Node, drawn: Graph, lanes: Mapping[Node, int], entries: Mapping[Node, Point]
) -> int:
    """That of the lane on which the state is, or that at which it enters."""
    if node in lanes:
        return lanes[node]
    return next(point[1] for one, point in entries.items() if one.previous and one.previous.state == name)
