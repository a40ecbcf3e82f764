"""The loop over the diagonals of a lattice, forward and backward: products and kernels for each stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.gradient import entries, kept
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_kernel import NumberedSlot, StepKernel, slots
from gatewise.compiler.triton_lattice import ALIVE, GIVEN, is_input, joins
from gatewise.compiler.triton_source import kernels
from gatewise.engine.diagonals import inside
from gatewise.engine.triton.buffers import History
from gatewise.engine.triton.functions import functions
from gatewise.engine.triton.launches import repeat
from gatewise.engine.triton.loop import Gradients
from gatewise.engine.triton.positions import places
from gatewise.engine.triton.tiles import tile_of
from gatewise.engine.triton.weights import Sizes, Weights


@dataclass(frozen=True)
class Span:
    """The rows of a step: the first, if counter and offset are zero, their number, and that of positions."""

    start: int
    rows: int
    positions: int


Launch = Callable[[int, Span], object]  # of a kernel or a product, at a number of steps after the counter


@dataclass(frozen=True, eq=False)
class LatticeInputs:
    """The tensors of a call, whose scan begins at the first position along every axis.

    inputs: [*L, B, I]; initial: for each of the cell's `previous`, [*F, B, H]; lengths: [B, N] or None
    """

    inputs: Tensor
    initial: Sequence[Tensor]
    lengths: Tensor | None


class LatticeLoop:
    """A call's buffers, and the launches of its steps.

    History: states [states, places, H], positions first, then initial states; kept [kept, positions, H], or
    rows of one step only. dtype: of the factors of products; all else is float32
    """

    def __init__(
        self, plan: StagePlan, given: LatticeInputs, parameters: Mapping[str, Tensor], units: int,
        dtype: torch.dtype,
    ) -> None:  # fmt: skip
        *lattice, self.batch, _ = given.inputs.shape
        self.plan, self.given, self.units, self.dtype = plan, given, units, dtype
        self.lattice, self.device = tuple(lattice), given.inputs.device
        self.places = places(self.lattice, self.device)
        self.positions = self.places.positions * self.batch  # rows, as all numbers below
        self.rows = len(self.places.numbers) * self.batch
        self.most = self.places.most * self.batch
        sizes = Sizes(0, self.batch, units, (units,) * len(plan.cell.state), 1)
        self.weights = Weights(plan, parameters, sizes, dtype)
        self.matrices = {
            one.number: torch.cat([self.weights.matrices[own.number] for own in one.members], 1)
            for one in joins(plan)
        }
        previous = plan.cell.previous.values()
        self.previous = [(plan.cell.state.index(one.state), one.axis - 1) for one in previous]
        samples = torch.arange(self.batch, device=self.device)
        self.numbers = (self.places.numbers[:, None] * self.batch + samples).flatten()
        self.before = (self.places.before[:, :, None] * self.batch + samples).flatten(1)
        after = self.places.after[:, :, None]
        self.counter = torch.zeros(1, dtype=torch.int32, device=self.device)
        self.values: dict[str, Any] = {
            "numbers": self.numbers.int(), "kinds": self._kinds(), "before": self.before.int(),
            "after": torch.where(after < 0, -1, after * self.batch + samples).flatten(1).int(),
            "counter": self.counter, "most": self.most, "positions": self.positions, "places": self.rows,
            "width": units, "stride": units, "biases": self.weights.biases, "vectors": self.weights.vectors,
            "LENGTHS": given.lengths is not None,
        }  # fmt: skip

    def forward(self, keep: bool) -> History:
        """All steps. keep: whether to save what the gradient and a trace need of every position"""
        plan, several = self.plan, len(self.plan.stages) > 1
        states = self._empty(len(plan.cell.state), self.rows, self.units)
        states[:, self.positions :] = 0.0
        for (state, axis), value in zip(self.previous, self.given.initial, strict=True):
            states[state, self._face(axis)] = value.flatten(0, -2)
        rows = self.positions if keep else self.most if several else 1
        history = History(states, self._empty(max(1, len(kept(plan))), rows, self.units))
        products = [one for one in slots(plan) if is_input(one) or one.number in self.matrices]
        values: dict[str, Any] = {f"products_{one.number}": self._products(one) for one in products}
        values |= {"states": history.states, "kept": history.kept, "HISTORY": keep, "KEEP": keep or several}
        operands = self.pairs()
        self._run([self._launches(values, operands, parity) for parity in (0, 1)], 1)
        return history

    def _launches(self, values: dict[str, Any], operands: Mapping[int, Tensor], parity: int) -> list[Launch]:
        """The launches of a step with a number of this parity, forward."""
        own = {f"operand_{number}": pair[parity] for number, pair in operands.items()}
        own |= {f"following_{number}": pair[1 - parity] for number, pair in operands.items()}
        found: list[Launch] = []
        for stage, kernel in enumerate(kernels(self.plan).forward):
            for one in joins(self.plan):
                if one.stage == stage:
                    rows, into = operands[one.number][parity], values[f"products_{one.number}"]
                    found.append(_product(rows, self.matrices[one.number].t(), into))
            found.append(self.launch(kernel, values | own))
        return found

    def backward(
        self, history: History, by_states: Tensor, by_kept: Tensor | None, of_inputs: bool
    ) -> Gradients:
        """The gradients.

        by_states: [states, positions, H], by_kept: [intermediates, positions, H] or None
        of_inputs: whether to compute that of the inputs, which is zero otherwise
        """
        back = _Back(self, history, by_states, by_kept)
        self._run([back.launches(parity) for parity in (0, 1)], -1)
        return self._gradients(history, back, of_inputs)

    def _run(self, launches: Sequence[Sequence[Launch]], direction: int) -> None:
        """Runs all steps, forward or backward. launches: of steps with even and odd numbers"""
        regions = self.places.regions
        firsts = [sum(one.blocks for one in regions[:number]) for number in range(len(regions))]
        for region, first in list(zip(regions, firsts, strict=True))[::direction]:
            block = 0 if direction == 1 else region.blocks - 1  # from which steps are counted
            start = (region.first + block * region.places) * self.batch
            span = Span(start, region.places * self.batch, region.positions * self.batch)

            def step(number: int, span: Span = span, own: int = first + block) -> None:
                for launch in launches[(own + number) % 2]:
                    launch(number, span)

            repeat(step, region.blocks, self.counter, direction)
            if region.blocks > 1:
                self.counter.zero_()

    def launch(self, kernel: StepKernel, values: Mapping[str, Any]) -> Launch:
        """The launch of a kernel."""
        tile = tile_of(kernel, self.most, self.units)
        own = {"TRACED": False, "offset": 0, "start": 0, "rows": 0} | self.values | dict(values)
        own |= {"ROWS": tile.rows, "UNITS": tile.units}
        arguments = [own[name] for name in kernel.arguments]
        place = kernel.arguments.index("offset")  # followed by start and rows
        before, after, warps = arguments[:place], arguments[place + 3 :], tile.warps
        function, columns = functions(kernels(self.plan).text)[kernel.name], tile.grid[1]

        def launch(offset: int, span: Span) -> None:
            grid = (-(-span.rows // tile.rows), columns)
            moving = (offset, span.start, span.rows)
            function[grid](*before, *moving, *after, num_warps=warps, enable_fp_fusion=True)

        return launch

    def _products(self, one: NumberedSlot) -> Tensor:
        """The products of all inputs, or memory for those of a step."""
        matrix = self.weights.matrices[one.number]
        if is_input(one):
            return self.given.inputs.flatten(0, -2).to(self.dtype) @ matrix.t()
        return self._empty(self.most, len(matrix), dtype=self.dtype)

    def pairs(self) -> dict[int, Tensor]:
        """For each join rows [2, places, members * H], for even and odd steps."""
        return {
            one.number: self._empty(2, self.most, len(one.members) * self.units, dtype=self.dtype)
            for one in joins(self.plan)
        }

    def _gradients(self, history: History, back: _Back, of_inputs: bool) -> Gradients:
        by_inputs = torch.zeros_like(self.given.inputs)
        by_matrix: list[Tensor] = []
        by_sums: dict[int, Tensor] = {}
        for one in slots(self.plan):
            rows, count = back.history[one.group], len(one.sums)
            operand = self._operand(history, one).to(self.dtype)
            by_matrix.append((rows.t() @ operand).unflatten(0, (count, -1)))
            if is_input(one) and of_inputs:
                by_inputs += (rows @ self.weights.matrices[one.number]).view_as(by_inputs)
            first = self.plan.stages[one.stage].first_sum
            total = rows.sum(0, dtype=torch.float32).unflatten(0, (count, -1))
            by_sums |= {first + own: by for own, by in zip(one.sums, total, strict=True)}
        initial = [
            back.by_initial[state, self._face(axis, self.positions)].clone().view_as(like)
            for (state, axis), like in zip(self.previous, self.given.initial, strict=True)
        ]
        parameters = self.weights.gradients(by_matrix, by_sums, back.by_vectors.sum(0))
        return Gradients(by_inputs, parameters, initial)

    def _operand(self, history: History, one: NumberedSlot) -> Tensor:
        """What a slot multiplied at every position, [positions, width]."""
        operand = one.slot.operand
        match operand.where:
            case "input":
                return self.given.inputs.flatten(0, -2)
            case "previous":
                state, axis = self.previous[operand.index]
                return history.states[state].index_select(0, self.before[axis])
            case "state":
                return history.states[operand.index, : self.positions]
        return history.kept[operand.index]

    def _face(self, axis: int, first: int = 0) -> slice:
        """The rows of the initial states along an axis, counted from a first row."""
        start = self.places.faces[axis] * self.batch - first
        return slice(start, start + self.positions // self.lattice[axis])

    def _kinds(self) -> Tensor:
        """The kind of every row, in the order of steps."""
        kinds = torch.full((self.rows,), GIVEN, dtype=torch.uint8, device=self.device)
        kinds[: self.positions] = ALIVE
        if self.given.lengths is not None:
            kinds[: self.positions] *= inside(self.lattice, self.given.lengths).flatten()
        return kinds[self.numbers]

    def _empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=self.device)


class _Back:
    """The buffers of a backward pass.

    through, passed: rows for even and odd steps of the gradients through joins, and of states before
    gradient: of each group's sums in a step; history: of these at every position, [positions, sums * H]
    by_vectors: [tiles of rows, vectors, H]; by_initial: [states, initial states, H]
    """

    def __init__(
        self, loop: LatticeLoop, history: History, by_states: Tensor, by_kept: Tensor | None
    ) -> None:
        self.loop, plan, units, dtype = loop, loop.plan, loop.units, loop.dtype
        self.kernels = kernels(plan).backward
        self.through = loop.pairs()
        self.passed = loop._empty(2, len(loop.previous), loop.most, units)
        widths = {one.group: len(one.sums) * units for one in slots(plan)}
        self.gradient = {group: loop._empty(loop.most, one, dtype=dtype) for group, one in widths.items()}
        self.history = {group: loop._empty(loop.positions, one, dtype=dtype) for group, one in widths.items()}
        tiles = max(tile_of(kernel, loop.most, units).grid[0] for kernel in self.kernels)
        self.by_vectors = torch.zeros(tiles, max(1, len(plan.vectors)), units, device=loop.device)
        self.by_initial = loop._empty(len(plan.cell.state), loop.rows - loop.positions, units)
        self.values: dict[str, Any] = {
            "states": history.states, "kept": history.kept, "by_states": by_states,
            "by_kept": loop.counter if by_kept is None else by_kept,  # unread
            "by_initial": self.by_initial, "d_vectors": self.by_vectors,
            "entries": loop._empty(max(1, len(entries(plan))), loop.most, units),
            "KEEP": True, "HISTORY": True, "TRACED": by_kept is not None,
        }  # fmt: skip
        self.values |= {f"gradient_{group}": one for group, one in self.gradient.items()}
        self.values |= {f"history_{group}": one for group, one in self.history.items()}

    def launches(self, parity: int) -> list[Launch]:
        """The launches of a step with a number of this parity."""
        loop, found = self.loop, list[Launch]()
        values = self.values | {"passed": self.passed[parity], "carried": self.passed[1 - parity]}
        values |= {f"through_{number}": pair[parity] for number, pair in self.through.items()}
        values |= {f"later_{number}": pair[1 - parity] for number, pair in self.through.items()}
        for stage in reversed(range(len(self.kernels))):
            found.append(loop.launch(self.kernels[stage], values))
            for one in joins(loop.plan):
                if one.stage == stage:
                    into = self.through[one.number][parity]
                    found.append(_product(self.gradient[one.group], loop.matrices[one.number], into))
        return found


def _product(rows: Tensor, matrix: Tensor, into: Tensor) -> Launch:
    """The launch of a matrix product over the positions of a step, of which the first has none."""

    def launch(_: int, span: Span) -> None:
        if span.positions:
            torch.mm(rows[: span.positions], matrix, out=into[: span.positions])

    return launch
