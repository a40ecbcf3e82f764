"""Wires on a grid: the cheapest way that touches no shape and runs along no other wire; ways may cross."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import count, pairwise

Point = tuple[int, int]
Direction = tuple[int, int]
RIGHT, UP, DOWN, LEFT = (1, 0), (0, -1), (0, 1), (-1, 0)
STEPS = (RIGHT, UP, DOWN, LEFT)
AHEAD = {(a, b): tuple(step for step in STEPS if step != (-a, -b)) for a, b in STEPS}  # all but back
End = tuple[
    Point, Direction | None
]  # a point, with the direction of a way that leaves or arrives; None for any
State = tuple[Point, Direction | None]

BEND, CROSSING, BACK, CLOSE = (
    5.0,
    7.0,
    1.0,
    1.5,
)  # costs in steps: of a turn, a bridge, to the left, by a shape
EDGE, AT_EDGE = 3, 20.0  # the columns at the left and right in which wires should not go up or down


class Router:
    """The wires that are there, and the search for the next one.

    A point has one wire along each direction; a wire that bends or forks there has both.
    """

    columns: int
    rows: int

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.blocked: set[Point] = set()
        self._close: set[Point] = set()
        self._along: dict[bool, dict[Point, object]] = {True: {}, False: {}}  # across or not: whose wire

    def block(self, left: int, top: int, right: int, bottom: int) -> None:
        """A shape, which no wire enters."""
        for column in range(left - 1, right + 2):
            for row in range(top - 1, bottom + 2):
                inside = left <= column <= right and top <= row <= bottom
                (self.blocked if inside else self._close).add((column, row))

    def lay(self, owner: object, way: Sequence[Point]) -> None:
        """Takes the points of a way, which is a list of all its points, for the wire of a value."""
        for first, second in pairwise(way):
            along = self._along[first[1] == second[1]]
            along[first] = along[second] = owner

    def is_shared(self, owner: object, point: Point) -> bool:
        """Whether another wire is at a point."""
        across, down = self._along[True], self._along[False]
        return across.get(point, owner) is not owner or down.get(point, owner) is not owner

    def find(self, owner: object, starts: Iterable[End], ends: Iterable[End]) -> list[Point] | None:
        """The cheapest way from a start to an end, or None: A*, by the distance from all ends and a turn."""
        leaving, arriving = dict(starts), dict(ends)
        if not arriving:
            return None
        left, right = min(point[0] for point in arriving), max(point[0] for point in arriving)
        top, bottom = min(point[1] for point in arriving), max(point[1] for point in arriving)
        best: dict[State, float] = {}
        before: dict[State, State] = {}
        queue: list[tuple[float, int, State]] = []
        order, done = count(), set[State]()

        def reach(state: State, cost: float) -> None:
            best[state] = cost
            column, row = state[0]
            across, down = max(left - column, column - right, 0), max(top - row, row - bottom, 0)
            turns = (across and down) if state[1] is None else (across if state[1][0] == 0 else down)
            least = across + down + (BEND if turns else 0.0)
            heappush(queue, (cost + least, next(order), state))

        for point in sorted(leaving):
            reach((point, None), 0.0)
        while queue:
            _, _, state = heappop(queue)
            if state in done:
                continue
            done.add(state)
            cost, (point, direction) = best[state], state
            if direction is not None and point in arriving:
                if arriving[point] in (None, direction):
                    return _traced(before, state)
                continue
            turn = self._turn(owner, point)
            for step in STEPS if direction is None else AHEAD[direction]:
                following = (point[0] + step[0], point[1] + step[1])
                if direction is None and leaving[point] not in (None, step):
                    continue
                if following in self.blocked and following not in arriving:
                    continue
                bend = 0.0 if direction in (None, step) else turn
                extra = self._cost(owner, following, step, following in arriving)
                if bend is None or extra is None:
                    continue
                if cost + bend + extra < best.get((following, step), float("inf")):
                    before[following, step] = state
                    reach((following, step), cost + bend + extra)
        return None

    def _turn(self, owner: object, point: Point) -> float | None:
        """The cost of a turn at a point, or None where another wire is."""
        return None if self.is_shared(owner, point) else BEND + CLOSE * (point in self._close)

    def _cost(self, owner: object, point: Point, step: Direction, last: bool) -> float | None:
        """The cost of a step to a point, or None if it is not possible. last: whether it is an end"""
        column, row = point
        if not (0 <= column <= self.columns and 0 <= row <= self.rows):
            return None
        across = step[1] == 0
        if self._along[across].get(point, owner) is not owner:
            return None
        crosses = self._along[not across].get(point, owner) is not owner
        if crosses and last:
            return None
        at_edge = not across and not EDGE <= column <= self.columns - EDGE
        near = point in self._close and not last
        return 1.0 + CROSSING * crosses + BACK * (step == LEFT) + CLOSE * near + AT_EDGE * at_edge


def _traced(before: dict[State, State], state: State) -> list[Point]:
    way = [state[0]]
    while state in before:
        state = before[state]
        way.append(state[0])
    return way[::-1]


def straight(first: Point, second: Point) -> list[Point]:
    """All points of a straight way."""
    (a, b), (c, d) = first, second
    across, down = (c > a) - (c < a), (d > b) - (d < b)
    return [(a + across * number, b + down * number) for number in range(max(abs(c - a), abs(d - b)) + 1)]
