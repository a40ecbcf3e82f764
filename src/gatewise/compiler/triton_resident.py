"""All steps of a cell in one Triton kernel, forward and backward, whose programs keep the matrices of states.

A program owns some rows, and all their units or those of a head; it loads its matrices once. The products of
inputs are computed before, the gradients of weights after. Memory is as in `triton_source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from gatewise.compiler.gradient import Gradient, entries, kept
from gatewise.compiler.stages import RowLocation, StagePlan
from gatewise.compiler.statements import Row, Statistic, Where, written
from gatewise.compiler.triton import PRELUDE
from gatewise.compiler.triton_backward import Backward, statement
from gatewise.compiler.triton_kernel import (
    Kernel,
    NumberedSlot,
    StepKernel,
    load,
    operand_width,
    over_rows,
    store,
    within,
)  # fmt: skip
from gatewise.compiler.values import Values, stored, variable

SIZES = (
    "lengths", "resets", "batch", "units", "outputs", "stride", "factor_step", "kept_step", "by_step",
    "steps",
)  # fmt: skip
WIDTHS = {"hidden": "units", "output": "outputs"}
OPTIONS = ("LENGTHS", "RESETS", "KEEP", "TRACED", "ROWS", "UNITS", "PRECISION")


@dataclass(frozen=True, eq=False)
class ResidentKernels:
    """The kernels, and the text of the module that holds them."""

    forward: StepKernel
    backward: StepKernel
    text: str


@cache
def resident_kernels(plan: StagePlan) -> ResidentKernels:
    """The kernels of a cell.

    >>> from gatewise.cells import GRU
    >>> from gatewise.compiler.stages import plan
    >>> resident_kernels(plan(GRU)).forward.name
    'resident_forward'
    """
    forward, backward = _forward(plan), _backward(plan)
    return ResidentKernels(forward, backward, "\n\n".join([PRELUDE, forward.text, backward.text]))


class _Stage(Kernel):
    """What the stages of both directions have in common.

    loaded: the rows that a stage before has loaded
    """

    def __init__(self, plan: StagePlan, number: int, loaded: set[Row]) -> None:
        super().__init__(plan, number)
        self.loaded = loaded
        self.loops = True  # all states stay in registers
        self.recurrent = [one for one in self.slots if one.slot.operand.where != "input"]

    def begin(self) -> Iterator[str]:
        """Names the numbers that are inside the stage's rows."""
        yield f"width = {WIDTHS[self.stage.width]}"
        yield "inside = (b < batch) & (v < width)"

    def new(self, *kinds: Where) -> Iterator[str]:
        """Loads the rows of some kinds that no stage before has loaded."""
        for row in self.language.rows:
            if row.where in kinds and row not in self.loaded:
                self.loaded.add(row)
                yield load(f"{row.where}_{row.index}", self.place(row))

    def matrices(self, row: str, column: str) -> Iterator[str]:
        """Loads the matrices of products. row, column: the variables of a matrix's rows and columns"""
        for one in self.recurrent:
            columns = WIDTHS[operand_width(self.plan, one)]
            mask = f"({row} < width) & ({column} < {columns})"
            for position in range(len(one.sums)):
                at = f"((head * {len(one.sums)} + {position}) * width + {row}) * {columns} + {column}"
                address = f"{self.pointer(f'matrix_{one.number}')} + {at}"
                yield f"matrix_{one.number}_{position} = tl.load({address}, mask={mask}, other=0.0)"

    def dot(self, rows: str, width: str, one: NumberedSlot, position: int) -> str:
        """A product of rows of a width and the matrix of a slot's product."""
        matrix = f"matrix_{one.number}_{position}"
        factor = within(rows, f"(b < batch) & (v < {width})")
        return f"tl.dot({factor}.to({matrix}.dtype), {matrix}, input_precision=PRECISION)"


class _Forward(_Stage):
    """A stage forward."""

    def __init__(self, plan: StagePlan, number: int, loaded: set[Row]) -> None:
        super().__init__(plan, number, loaded)
        values = Values(plan, self.stage)
        self.lines = {
            name: written(values.value(line), self.language) for name, line in self.stage.lines.items()
        }

    def before(self) -> Iterator[str]:
        """The stage's matrices, biases and vectors."""
        first = self.stage.first_sum
        yield from (*self.begin(), *self.matrices("v", "k"), *self.new("vectors"))
        for index in dict.fromkeys(own for own, _, _ in self.plan.biases):
            if first <= index < first + self.stage.sums:
                yield load(f"bias_{index}", f"{self.pointer('biases')} + {index} * stride + u")
        for state in self.carried:
            number = self.previous.index(state)
            yield load(f"previous_{number}", f"{self.pointer('states')} + {state} * rows + at")

    def step(self) -> Iterator[str]:
        """The stage in a step."""
        plan = self.plan
        yield from (*self.begin(), *self.new("factors"))
        for number in self.language.normalizers:
            yield from self.statistics(number, self.rows_of(number))
        for index in range(self.stage.sums):
            yield from self._sum(index)
        for name, text in self.lines.items():
            own, place = variable(plan, name), plan.location(name)
            yield from (f"{own} = {text} + zeros", f"{place.where}_{place.index} = {own}")
        yield from self._stores()

    def _sum(self, index: int) -> Iterator[str]:
        """A sum of products and biases."""
        number = self.stage.first_sum + index
        name = variable(self.plan, number)
        yield f"{name} = zeros"
        for one in self.slots:
            for position, own in enumerate(one.sums):
                if own == index and one in self.recurrent:
                    operand, columns = one.slot.operand, WIDTHS[operand_width(self.plan, one)]
                    rows = f"{operand.where}_{operand.index}"
                    yield f"{name} += " + self.dot(rows, columns, one, position)
                elif own == index:
                    address = f"{self.pointer(f'products_{one.number}')} + " + input_product(one, position)
                    yield from (load("more", address), f"{name} += more")
        if any(own == number for own, _, _ in self.plan.biases):
            yield f"{name} += bias_{number}"

    def _stores(self) -> Iterator[str]:
        """Stores states, and what the gradient needs."""
        for state, line in enumerate(self.states):
            if line not in self.stage.lines:
                continue
            before = f"previous_{self.previous.index(state)}" if state in self.previous else "0.0"
            yield f"next_{state} = {variable(self.plan, self.states[state])}"
            yield from ("if LENGTHS:", f"    next_{state} = tl.where(alive, next_{state}, {before})")
            yield store(self.place(Row("state", state)), f"next_{state}")
        sums = range(self.stage.first_sum, self.stage.first_sum + self.stage.sums)
        for number, one in enumerate(kept(self.plan)):
            if one in self.stage.lines or one in sums:
                own = variable(self.plan, one)
                address = self.place(Row("kept", number))
                yield from ("if KEEP:", f"    saved = {own}")
                yield from ("    if LENGTHS:", "        saved = tl.where(alive, saved, 0.0)")
                yield "    " + store(address, "saved")


class _Back(Backward, _Stage):
    """A stage backward."""

    def __init__(self, plan: StagePlan, number: int, loaded: set[Row]) -> None:
        _Stage.__init__(self, plan, number, loaded)
        self.gradient = Gradient(plan, number)
        self.statements = [statement(one, self.language) for one in self.gradient.statements]
        self.sums = range(self.stage.first_sum, self.stage.first_sum + self.stage.sums)
        for one in self.gradient.produced:
            self.language.statistic(Statistic("mean", one))
        self.statistics_of_rows = [
            line for one in self.language.normalizers for line in self.statistics(one, self.rows_of(one))
        ]
        self.through = [line for one in self.gradient.produced for line in self._through(one)]

    def before(self) -> Iterator[str]:
        """The stage's matrices and vectors, and the gradients of its states from later."""
        yield from (*self.begin(), *self.matrices("k", "v"), *self.new("vectors"))
        for state in self.carried:
            yield load(f"later_{state}", f"{self.pointer('carried')} + {state} * rows + at")

    def step(self) -> Iterator[str]:
        """The stage in a step."""
        plan = self.plan
        starts = [line for name in self.stage.lines for line in self._start(name)]
        zeros = [*(f"d_{variable(plan, one)}" for one in self.sums), *self.gradient.outside]
        yield from self.begin()
        for one in [*self.stage.lines, *(one for one in kept(plan) if one in self.sums)]:
            place = Row("kept", kept(plan).index(one)) if isinstance(one, int) else stored(plan, one)
            yield load(variable(plan, one), self.place(place))
        yield from (*self.new("previous", "state", "kept", "factors"), *self.resets())
        yield from (
            *self.statistics_of_rows,
            *self.through,
            *starts,
            *(f"{name} = zeros" for name in zeros),
            *self.statements,
        )
        yield from ("if LENGTHS:", *(f"    {name} = tl.where(alive, {name}, 0.0)" for name in zeros))
        yield from self._ends()

    def after(self) -> Iterator[str]:
        """The gradients of states before the first step, and of vectors."""
        yield from self.begin()
        for state in self.carried:
            yield store(f"{self.pointer('passed')} + {state} * rows + at", f"later_{state}")
        for name, place in self.gradient.outside.items():
            if place.startswith("vector"):
                number = place.split()[1]
                row = f"(tl.program_id(0) * {len(self.plan.vectors)} + {number}) * stride + u"
                total = over_rows(f"{name}_total")
                yield f"tl.store({self.pointer('d_vectors')} + {row}, {total}, mask=v < width)"

    def _entered(self, place: RowLocation, own: str) -> Iterator[str]:
        yield f"{own} += entries_{entries(self.plan)['', place]}"

    def _ends(self) -> Iterator[str]:
        """Stores the gradients of sums, and passes those of other stages and steps."""
        plan, first = self.plan, self.stage.first_sum
        for one in self.slots:
            count = len(one.sums)
            for position, own in enumerate(one.sums):
                name = f"d_{variable(plan, first + own)}"
                if one.number == one.group:
                    at = f"(((t * heads + head) * batch + b) * {count} + {position}) * width + v"
                    yield store(f"{self.pointer(f'history_{one.group}')} + {at}", name)
                if one in self.recurrent:
                    yield f"{self._source(one.slot.operand)} += {self.dot(name, 'width', one, position)}"
        for name, destination in self.gradient.outside.items():
            kind, number = destination.split()
            if kind == "entry":
                yield f"entries_{number} += {name}"
            elif kind == "previous":
                yield f"passed_{self.previous[int(number)]} += {name}"
            else:
                yield f"{name}_total += {name}"
        for state in self.carried:
            yield f"passed_{state} += stays_{state}"

    def _source(self, operand: RowLocation) -> str:
        """The variable that collects the gradient of a product's operand."""
        if operand.where == "previous":
            return f"passed_{self.previous[operand.index]}"
        return f"entries_{entries(self.plan)['', operand]}"


def input_product(one: NumberedSlot, position: int) -> str:
    """Where a product of an input is."""
    return f"((t * batch + b) * {len(one.sums)} + {position}) * width * heads + u"


def _forward(plan: StagePlan) -> StepKernel:
    loaded: set[Row] = set()
    stages = [_Forward(plan, number, loaded) for number in range(len(plan.stages))]
    before = [line for one in stages for line in one.before()]
    resets = [f"previous_{number} = tl.where(reset, 0.0, previous_{number})"
              for number in range(len(stages[0].previous))]  # fmt: skip
    body = ["if RESETS:", *(f"    {line}" for line in resets)]
    body += [line for one in stages for line in one.step()]
    body += [f"previous_{number} = next_{state}" for number, state in enumerate(stages[0].previous)]
    return _kernel("resident_forward", stages, "step", before, body, [])


def _backward(plan: StagePlan) -> StepKernel:
    loaded: set[Row] = set()
    stages = [_Back(plan, number, loaded) for number in range(len(plan.stages))]
    totals = {f"{name}_total" for one in stages for name, place in one.gradient.outside.items()
              if place.startswith("vector")}  # fmt: skip
    before = [line for one in stages for line in one.before()]
    before += [f"{name} = zeros" for name in sorted(totals)]
    states = list(dict.fromkeys(stages[0].previous))
    body = [f"passed_{state} = zeros" for state in states]
    body += [f"entries_{number} = zeros" for number in range(len(entries(plan)))]
    body += [line for one in reversed(stages) for line in one.step()]
    body += [f"later_{state} = passed_{state}" for state in states]
    after = [line for one in stages for line in one.after()]
    return _kernel("resident_backward", stages, "steps - 1 - step", before, body, after)


def _kernel(
    name: str, stages: Sequence[_Stage], step: str, before: list[str], body: list[str], after: list[str]
) -> StepKernel:
    """The kernel with these statements before, in and after the loop over `step`."""
    pointers = dict.fromkeys(pointer for one in stages for pointer in one.pointers)
    arguments = (*pointers, *SIZES, *OPTIONS)
    head = ", ".join(f"{one}: tl.constexpr" if one in OPTIONS else one for one in arguments)
    start = [
        "head = tl.program_id(1)",
        "heads = tl.num_programs(1)",
        "b = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]",
        "v = tl.arange(0, UNITS)[None, :]",
        "k = tl.arange(0, UNITS)[:, None]",
        "u = head * units + v",
        "at = b * stride + u",
        "rows = batch * stride",
        "zeros = tl.zeros([ROWS, UNITS], tl.float32)",
        "first = tl.zeros([], tl.int64)",
        "if LENGTHS:",
        "    length = tl.load(lengths + b, mask=b < batch, other=0)",
    ]
    flags = [
        f"t = first + {step}",
        "if LENGTHS:",
        "    alive = t < length",
        "if RESETS:",
        "    reset = tl.load(resets + t * batch + b, mask=b < batch, other=0) != 0",
        "    next_reset = tl.load(resets + (t + 1) * batch + b, mask=b < batch, other=0) != 0",
    ]
    loop = ["for step in range(0, steps):", *(f"    {line}" for line in [*flags, *body])]
    lines = [f'@triton.jit(do_not_specialize=["steps"])\ndef {name}({head}):', *start, *before, *loop, *after]
    return StepKernel(name, "\n    ".join(lines) + "\n", arguments, whole_rows=True)
