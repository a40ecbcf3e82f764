"""The kernels that find the states between chunks of steps, so that all chunks run at the same time.

For each level of an affine recurrence, upwards, and for gradients, which go back in time, downwards:

    compose   for each chunk, from its steps: the factors and the offset by which the states before it, or the
              gradients after it, determine those on its other side
    carry     from chunk to chunk: these states or gradients

    composed [chunks, numbers, B, S]    of each group of states the factors, then the offsets
    starts, carried [chunks, states, B, S]    states before, and gradients after each chunk
    cleared [chunks, B]                 whether a reset in a chunk separates both sides

Where a value on one side does not reach the other, even NaN stays there, as it does step by step: a reset is
between them, or the equations of these steps do not read it. If it reaches it times a factor that is rounded
to zero, NaN passes. So for two states that depend on each other, numbers beside the factors record which
reaches which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gatewise.cells.expressions import Expression, Previous
from gatewise.cells.traversal import inside
from gatewise.compiler.affine import Group, Level, recurrence
from gatewise.compiler.gradient import kept
from gatewise.compiler.stages import StagePlan, lines_read
from gatewise.compiler.statements import Row, written
from gatewise.compiler.triton import Triton
from gatewise.compiler.triton_backward import Backward
from gatewise.compiler.triton_forward import Forward
from gatewise.compiler.triton_kernel import StepKernel, load, store
from gatewise.compiler.values import Values, variable

CARRY = (
    "composed", "carried", "cleared", "offset", "steps", "batch", "width", "stride", "RESETS", "ROWS",
    "UNITS", "DIRECTION",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScanKernels:
    """Of a level: the kernels that compose chunks, forward and backward, and the one that carries.

    numbers: that compose a chunk
    """

    level: Level
    forward: StepKernel
    backward: StepKernel
    carry: StepKernel
    numbers: int


def scan_kernels(plan: StagePlan) -> tuple[ScanKernels, ...]:
    """The kernels of each level, from the lowest; none if the recurrence is not affine."""
    return tuple(
        ScanKernels(
            level, Composition(plan, number).kernel(), BackwardComposition(plan, number).kernel(),
            _carry(plan, number), len(_layout(level)),
        )
        for number, level in enumerate(recurrence(plan).levels)
    )  # fmt: skip


def _layout(level: Level) -> list[str]:
    """The variables that compose a chunk: factors [to, from], what reaches what, offsets of each group."""
    found = []
    for group in level.groups:
        found += [_factor(level, to, by) for to, by in _pairs(group)]
        if len(group.states) > 1:
            found += [_reach(level, to, by) for to, by in _pairs(group)]
        found += [f"offset_{level.states.index(to)}" for to in group.states]
    return found


def _factor(level: Level, to: str, by: str) -> str:
    return f"factor_{level.states.index(to)}_{level.states.index(by)}"


def _reach(level: Level, to: str, by: str) -> str:
    """The variable that is 1 where a state depends on another on the other side of a chunk, else 0."""
    return f"reach_{level.states.index(to)}_{level.states.index(by)}"


def _pairs(group: Group) -> list[tuple[str, str]]:
    return [(to, by) for to in group.states for by in group.states]


class _Factors:
    """The factors of a level's groups: the text that starts them, and composes them with those of a step."""

    def __init__(self, plan: StagePlan, level: Level, language: Triton, transposed: bool) -> None:
        self.plan, self.level = plan, level
        values = Values(plan, plan.stages[level.stage])
        self.own = {}  # the step's, as text
        for group in level.groups:
            for (to, by), one in group.factors.items():
                text = f"({written(values.read(one), language)})"
                self.own[(by, to) if transposed else (to, by)] = text
        self.sums_read = tuple(values.sums_read)

    def start(self) -> Iterator[str]:
        """Before any step a state is itself."""
        for to, by, name in self._all():
            yield f"{name} = tl.full([ROWS, UNITS], {float(to == by)}, tl.float32)"

    def step(self) -> Iterator[str]:
        """Composes them with those of a step inside its sequence."""
        for group in self.level.groups:
            for to, by in _pairs(group):
                yield f"new_{_factor(self.level, to, by)} = {self._composed(group, to, by)}"
                if len(group.states) > 1:
                    yield f"new_{_reach(self.level, to, by)} = {self._reached(group, to, by)}"
        for _, _, name in self._all():
            yield from ("if LENGTHS:", f"    new_{name} = tl.where(alive, new_{name}, {name})")
            yield f"{name} = new_{name}"

    def _composed(self, group: Group, to: str, by: str) -> str:
        terms = [
            f"{self.own[to, one]} * {_factor(self.level, one, by)}"
            for one in group.states
            if (to, one) in self.own
        ]
        return " + ".join(terms) or "tl.zeros([ROWS, UNITS], tl.float32)"

    def _reached(self, group: Group, to: str, by: str) -> str:
        """Of two states that depend on each other, so that a state depends on at least one."""
        first, *others = [_reach(self.level, one, by) for one in group.states if (to, one) in self.own]
        return f"tl.maximum({first}, {others[0]})" if others else first

    def _all(self) -> Iterator[tuple[str, str, str]]:
        for group in self.level.groups:
            for to, by in _pairs(group):
                yield to, by, _factor(self.level, to, by)
                if len(group.states) > 1:
                    yield to, by, _reach(self.level, to, by)


class Composition(Forward):
    """From the steps of a chunk to factors and offsets of a level's states, given those of lower levels."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.index, self.level = number, recurrence(plan).levels[number]
        super().__init__(plan, self.level.stage)

    def kernel(self) -> StepKernel:
        plan, level, lines = self.plan, self.level, self.stage.lines
        for one in self.slots:
            self.pointer(f"products_{one.number}")
        factors = _Factors(plan, level, self.language, transposed=False)
        names, states = self._needed()
        values = Values(plan, self.stage)
        own = [
            f"{variable(plan, name)} = {written(values.value(lines[name]), self.language)}"
            for name in lines
            if name in names
        ]
        before_step = {
            state: self.language.row(Row("previous", plan.cell.state.index(state))) for state in states
        }
        before = [*self.loads("vectors"), *self._biases(), *factors.start()]
        for state, row in before_step.items():
            if state in level.states:
                before.append(f"{row} = tl.zeros([ROWS, UNITS], tl.float32)")
            else:
                before.append(load(row, self.of_chunk("starts", plan.cell.state.index(state))))
        statistics = [
            line for one in self.language.normalizers for line in self.statistics(one, self.rows_of(one))
        ]
        body = [*self.loads("state", "kept", "factors"), *self.resets(), *statistics]
        for index in {**values.sums_read, **dict.fromkeys(factors.sums_read)}:
            body += self._sum(index - self.stage.first_sum)
        body += [*own, *factors.step()]
        for state, row in before_step.items():
            line = variable(plan, plan.program.states[state])
            body += [f"new = {line} + tl.zeros([ROWS, UNITS], tl.float32)"]
            body += ["if LENGTHS:", f"    new = tl.where(alive, new, {row})", f"{row} = new"]
        offsets = [before_step[state] for state in level.states]
        after = list(_stores(self, level, offsets))
        return self.function(f"compose_{self.index}", before, body, after, "step")

    def _needed(self) -> tuple[set[str], list[str]]:
        """The lines on which the level depends, and the states that they read, beside its own."""
        lines, program = self.stage.lines, self.plan.program
        names: set[str] = set()
        states = dict.fromkeys(self.level.states)
        waiting: list[Expression] = [lines[program.states[one]] for one in states]
        waiting += [one for group in self.level.groups for one in group.factors.values()]
        names |= {program.states[one] for one in states}
        while waiting:
            one = waiting.pop()
            read = {*lines_read(one)}
            if one.line is not None:
                read.add(one.line)
            read &= {*lines}
            for part in inside(one):
                if isinstance(part, Previous):
                    states[part.state] = None
                    read.add(program.states[part.state])
            waiting += [lines[name] for name in read - names]
            names |= read
        return names, list(states)


class BackwardComposition(Backward):
    """From the steps of a chunk to the factors and offsets of gradients, given those of higher levels."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.index, levels = number, recurrence(plan).levels
        self.level = levels[number]
        super().__init__(plan, self.level.stage)
        self.factors = _Factors(plan, self.level, self.language, transposed=True)
        assert {*self.factors.sums_read} <= {*kept(plan)}
        above = [one for one in levels[number + 1 :] if one.stage == self.level.stage]
        self.above = [state for level in above for state in level.states]

    @property
    def name(self) -> str:
        return f"compose_back_{self.index}"

    def _around(self) -> tuple[list[str], list[str]]:
        before = [*self.loads("vectors"), *self.factors.start()]
        for index in self.carried:
            if self.plan.cell.state[index] in self.above:
                before.append(load(f"later_{index}", self.of_chunk("carried", index)))
            else:
                before.append(f"later_{index} = tl.zeros([ROWS, UNITS], tl.float32)")
        offsets = [f"later_{self.plan.cell.state.index(state)}" for state in self.level.states]
        return before, list(_stores(self, self.level, offsets))

    def _ends(self) -> Iterator[str]:
        yield from self.factors.step()
        for state in (*self.level.states, *self.above):
            yield from self._passed(self.plan.cell.state.index(state), set())


def _stores(kernel: Forward | Backward, level: Level, offsets: list[str]) -> Iterator[str]:
    """Stores the numbers that compose a chunk."""
    layout = _layout(level)
    for index, name in enumerate(layout):
        value = offsets[int(name.removeprefix("offset_"))] if name.startswith("offset_") else name
        address = f"{kernel.pointer('composed')} + (number * {len(layout)} + {index}) * rows + at"
        yield store(address, value)


def _carry(plan: StagePlan, number: int) -> StepKernel:
    """The kernel that goes from chunk to chunk, `steps` times, from chunk `offset` on."""
    level = recurrence(plan).levels[number]
    layout, states = _layout(level), plan.cell.state
    address = f"carried + ({{}} * {len(states)} + {{}}) * rows + at"
    lines = [
        "first = tl.full([], 0, tl.int64) + offset",
        "b = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]",
        "u = (tl.program_id(1) * UNITS + tl.arange(0, UNITS))[None, :]",
        "inside = (b < batch) & (u < width)",
        "at = b * stride + u",
        "rows = batch * stride",
    ]
    for place, state in enumerate(level.states):
        lines.append(load(f"value_{place}", address.format("first", states.index(state))))
    body = ["chunk = first + DIRECTION * step"]
    for index, name in enumerate(layout):
        body.append(load(name, f"composed + (chunk * {len(layout)} + {index}) * rows + at"))
    places = {state: place for place, state in enumerate(level.states)}
    for group in level.groups:
        body += [f"new_{places[to]} = {_carried(level, group, to)}" for to in group.states]
    clear = "tl.load(cleared + chunk * batch + b, mask=b < batch, other=0) != 0"
    body += ["if RESETS:", f"    clear = {clear}"]
    body += [f"    new_{place} = tl.where(clear, offset_{place}, new_{place})" for place in places.values()]
    for state, place in places.items():
        body.append(store(address.format("(chunk + DIRECTION)", states.index(state)), f"new_{place}"))
        body.append(f"value_{place} = new_{place}")
    options = ("RESETS", "ROWS", "UNITS", "DIRECTION")
    head = ", ".join(f"{one}: tl.constexpr" if one in options else one for one in CARRY)
    name = f"carry_{number}"
    text = [f'@triton.jit(do_not_specialize=["offset", "steps"])\ndef {name}({head}):', *lines]
    text += ["for step in range(0, steps):", *(f"    {line}" for line in body)]
    return StepKernel(name, "\n    ".join(text) + "\n", CARRY, False)


def _carried(level: Level, group: Group, to: str) -> str:
    """A state on the other side of a chunk."""
    total = f"offset_{level.states.index(to)}"
    for by in group.states:
        factor, value = _factor(level, to, by), f"value_{level.states.index(by)}"
        if len(group.states) > 1:
            total += f" + tl.where({_reach(level, to, by)} == 0.0, 0.0, {factor} * {value})"
        elif group.factors:
            total += f" + {factor} * {value}"
        else:  # which is one in a chunk of padding alone, else zero
            total += f" + tl.where({factor} == 0.0, 0.0, {value})"
    return total
