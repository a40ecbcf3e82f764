"""Which wires have a colour: those of states and inputs; on a lattice, those of its axes."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.diagrams.graph import Node
from gatewise.diagrams.wiring import Drawing

AXES = 4  # colours, which repeat


@dataclass(frozen=True)
class Colours:
    """The class of each wire's colour: `memory`, `hidden` (the output), `input`, `axis1`, ..., or `""`."""

    drawn: Drawing

    def of(self, node: Node) -> str:
        """The class of the wires of a node's value."""
        lanes = self.drawn.placement.lanes
        if node.kind == "input":
            return "input"
        if node.previous is not None:
            return self._state(node.previous.state, node.previous.axis)
        if node in lanes:
            entered = next(one.previous for one in lanes if one.previous and lanes[one] == lanes[node])
            before = {self.of(source) for source in node.sources if source in lanes}
            merged = entered.axis and len(before) > 1
            return "state" if merged or "state" in before else self._state(entered.state, entered.axis)
        for name, value in self.drawn.graph.states.items():
            if value is node:
                axes = self._axes(name)
                return self._state(name, axes[0]) if len(axes) < 2 else "state"
        return ""

    def legend(self) -> dict[str, str]:
        """What the colours mean, by class."""
        axes = sorted({axis for name in self.drawn.graph.states for axis in self._axes(name)})
        if axes != [0]:
            along = {self._state("", axis): f"along axis {axis}" for axis in axes[:AXES]}
            several = any(len(self._axes(name)) > 1 for name in self.drawn.graph.states)
            return along | ({"state": "new state, read along every axis"} if several else {})
        first, *others = self.drawn.graph.states
        named = {"hidden": f"output {first}"}
        return named | ({"memory": "memory"} if any(name in others for name in self._read()) else {})

    def _read(self) -> list[str]:
        return [one.previous.state for one in self.drawn.graph.nodes if one.previous is not None]

    def _axes(self, state: str) -> list[int]:
        """The axes along which a state is read; that of the time is 0."""
        nodes = [one.previous for one in self.drawn.graph.nodes if one.previous is not None]
        return [one.axis for one in nodes if one.state == state] or [0]

    def _state(self, name: str, axis: int) -> str:
        if axis:
            return f"axis{(axis - 1) % AXES + 1}"
        return "hidden" if name == next(iter(self.drawn.graph.states)) else "memory"
