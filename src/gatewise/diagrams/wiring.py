"""The wires of a diagram: from each value to all that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gatewise.diagrams.graph import Graph, Node
from gatewise.diagrams.placement import Placement, place
from gatewise.diagrams.routing import DOWN, RIGHT, UP, Direction, Point, Router, straight
from gatewise.errors import GatewiseError

GAPS = (3, 4, 6, 9)  # between shapes; a wider one is taken where wires find no way


@dataclass(frozen=True)
class Sink:
    """Where a wire ends: at a pin of a node, at the right edge (a state's name), or at the top.

    reader: the node; None at an edge
    pin: the number of its pin
    state: the name of the state; "" for the output
    """

    reader: Node | None = None
    pin: int = 0
    state: str = ""


@dataclass(frozen=True)
class Wire:
    """A wire, or a branch of one.

    points: its corners, from where it starts; the last are at the sink, if it has one
    forks: the ends at which it meets another wire of the same value
    """

    source: Node
    points: tuple[Point, ...]
    forks: tuple[Point, ...]
    sink: Sink | None


@dataclass(frozen=True)
class Drawing:
    """A graph with the places of its shapes and wires."""

    graph: Graph
    placement: Placement
    wires: tuple[Wire, ...]


def wired(drawn: Graph) -> Drawing:
    """Places shapes and finds the ways of all wires. Raises: `GatewiseError` if one finds no way."""
    for gap in GAPS:
        placement = place(drawn, gap)
        wires = _Wiring(drawn, placement).all()
        if wires is not None:
            return Drawing(drawn, placement, tuple(wires))
    raise GatewiseError("the cell has too many wires for a diagram; make parts of it cells of their own")


@dataclass
class _Wiring:
    drawn: Graph
    placement: Placement
    wires: list[Wire] = field(default_factory=list)
    trees: dict[Node, set[Point]] = field(default_factory=dict)  # the points of each value's wire
    rails: dict[Node, set[Point]] = field(default_factory=dict)  # those of its rail
    joined: set[Node] = field(default_factory=set)  # the values whose rails are connected with them
    used: set[Point] = field(default_factory=set)  # the pins of operators and functions that are taken

    def __post_init__(self) -> None:
        self.router = Router(self.placement.columns, self.placement.rows)
        for box in self.placement.boxes.values():
            self.router.block(box.left, box.top, box.right, box.bottom)

    def all(self) -> list[Wire] | None:
        """All wires; None if one finds no way."""
        for node in self.placement.rails:
            self._lay_rail(node)
        waiting = sorted(self._sinks(), key=lambda one: self._distance(*one))
        for node, sink in waiting:
            if not self._connect(node, sink):
                return None
        return self.wires

    def _sinks(self) -> Iterator[tuple[Node, Sink]]:
        for reader in self.drawn.nodes:
            for number, pin in enumerate(reader.pins):
                if pin.source is not None:
                    yield pin.source, Sink(reader, number)
        for name, node in self.drawn.states.items():
            if name in self.placement.exits:
                yield node, Sink(state=name)
        yield next(iter(self.drawn.states.values())), Sink()

    def _distance(self, node: Node, sink: Sink) -> tuple[int, int]:
        """What is wired first: lanes, then what is near, then the edges."""
        lanes, boxes = self.placement.lanes, self.placement.boxes
        if sink.reader is None:
            straight_on = lanes.get(node) == self.placement.exits.get(sink.state, (0, None))[1]
            return (0 if straight_on else 3 if sink.state else 4), self.placement.columns
        if node in lanes and lanes.get(sink.reader) == lanes[node]:
            return 0, boxes[sink.reader].left
        if node not in boxes:
            return 2, boxes[sink.reader].left
        (a, b), (c, d) = boxes[node].centre, boxes[sink.reader].centre
        return 1, 0 if a == c else abs(a - c) + abs(b - d)

    def _lay_rail(self, node: Node) -> None:
        """The straight rail of a value with the wires from it to the ports above; its ends are corners."""
        row = self.placement.rails[node]
        sinks = [sink for source, sink in self._sinks() if source is node and self._is_port(sink)]
        columns = {self._port(sink): sink for sink in sinks}
        if not columns:
            return
        first, *others = sorted(columns)
        enters = self.placement.entries.get(node)
        start: list[Point] = []
        if enters is not None and (node.kind == "input" or enters[1] == row):
            start = straight(enters, (first, row))[:-1]
            self.joined.add(node)
        way = [*start, *self._up(first, row, columns[first])]
        self._add(node, way, (), columns[first])
        rail = set(way)
        for column in others:
            way = straight((first, row), (column, row))[:-1] + self._up(column, row, columns[column])
            self._add(node, way, (way[0],), columns[column])
            rail |= set(way)
            first = column
        (self.trees if node in self.joined else self.rails)[node] = rail

    def _up(self, column: int, row: int, sink: Sink) -> list[Point]:
        assert sink.reader is not None
        return straight((column, row), (column, self.placement.boxes[sink.reader].bottom))

    def _is_port(self, sink: Sink) -> bool:
        return sink.reader is not None and sink.reader.kind == "layer"

    def _port(self, sink: Sink) -> int:
        assert sink.reader is not None
        return self.placement.boxes[sink.reader].ports[sink.pin]

    def _connect(self, node: Node, sink: Sink) -> bool:
        """Wires a sink, unless a rail did. Returns: whether there is a way"""
        on_rail = self._is_port(sink) and node in self.placement.rails
        if on_rail and node in self.joined:
            return True
        tree = [(point, None) for point in self.trees.get(node, ()) if self._open(node, point)]
        row = self.placement.rails.get(node)
        rail = [
            (point, None) for point in self.rails.get(node, ()) if point[1] == row and self._open(node, point)
        ]
        starts = tree or self._outlets(node)
        way = self.router.find(node, starts, rail if on_rail else self._inlets(sink))
        if way is None:
            return False
        forks = (way[0],) if tree else ()
        self.used |= {way[0], way[-1]}
        if on_rail:
            self.joined.add(node)
            forks = (*forks, way[-1])
            self.trees.setdefault(node, set()).update(self.rails[node])
        self._add(node, way, forks, None if on_rail else sink)
        self.trees.setdefault(node, set()).update(way)
        return True

    def _add(self, node: Node, way: list[Point], forks: tuple[Point, ...], sink: Sink | None) -> None:
        self.router.lay(node, way)
        self.wires.append(Wire(node, tuple(_corners(way)), forks, sink))

    def _open(self, node: Node, point: Point) -> bool:
        """Whether a wire may fork at a point: not where another one crosses, nor at a shape."""
        return not self.router.is_shared(node, point) and point not in self.router.blocked

    def _outlets(self, node: Node) -> list[tuple[Point, Direction | None]]:
        """Where the wire of a value may start."""
        if node in self.placement.entries:
            return [(self.placement.entries[node], UP if node.kind == "input" else RIGHT)]
        box = self.placement.boxes[node]
        column, row = box.centre
        if node.kind == "layer":
            return [((column, box.top), UP)]
        free = [((box.right, row), RIGHT), ((column, box.top), UP), ((column, box.bottom), DOWN)]
        return [one for one in free if one[0] not in self.used]

    def _inlets(self, sink: Sink) -> list[tuple[Point, Direction | None]]:
        """Where a wire may end."""
        if sink.reader is None:
            if sink.state:
                return [(self.placement.exits[sink.state], RIGHT)]
            return [((column, 0), UP) for column in self.placement.output]
        box = self.placement.boxes[sink.reader]
        column, row = box.centre
        if sink.reader.kind == "layer":
            return [((self._port(sink), box.bottom), UP)]
        free = [((box.left, row), RIGHT), ((column, box.bottom), UP), ((column, box.top), DOWN)]
        return [one for one in free if one[0] not in self.used]


def _corners(way: list[Point]) -> list[Point]:
    """The ends of a way, and the points at which it turns."""
    found = [way[0]]
    for before, point, after in zip(way, way[1:], way[2:], strict=False):
        if (point[0] - before[0], point[1] - before[1]) != (after[0] - point[0], after[1] - point[1]):
            found.append(point)
    return [*found, way[-1]]
