"""What the Triton kernels of both directions have in common: slots, arguments, loads and stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from gatewise.cells.expressions import NORMALIZE_EPSILON, Previous
from gatewise.cells.traversal import inside
from gatewise.compiler.gradient import entries
from gatewise.compiler.stages import RowLocation, Slot, Stage, StagePlan
from gatewise.compiler.statements import Row, Where
from gatewise.compiler.triton import Triton

SIZES = (
    "lengths", "resets", "counter", "offset", "batch", "width", "stride", "factor_step", "kept_step",
    "by_step", "steps",
)  # fmt: skip
OPTIONS = ("LENGTHS", "RESETS", "KEEP", "TRACED", "HEADS", "ROWS", "UNITS")


@dataclass(frozen=True)
class NumberedSlot:
    """A slot with its number through all stages.

    group: the number of the first slot of its stage that adds to the same sums, whose gradients they share
    """

    number: int
    stage: int
    slot: Slot
    group: int

    @property
    def sums(self) -> tuple[int, ...]:
        """The sums within the stage, in the order of the products."""
        return tuple(one for one, _, _ in self.slot.products)


@dataclass(frozen=True)
class StepKernel:
    """A kernel: its name, text and arguments, and whether a program must own whole rows."""

    name: str
    text: str
    arguments: tuple[str, ...]
    whole_rows: bool


@cache
def slots(plan: StagePlan) -> tuple[NumberedSlot, ...]:
    """All slots of a step."""
    found: list[NumberedSlot] = []
    for stage, own in enumerate(plan.stages):
        for slot in own.slots:
            one = NumberedSlot(len(found), stage, slot, len(found))
            same = (other.group for other in found if other.stage == stage and other.sums == one.sums)
            found.append(replace(one, group=next(same, one.number)))
    return tuple(found)


@cache
def state_of(plan: StagePlan, operand: RowLocation) -> int | None:
    """The state that an operand is, before or after the step, or None."""
    if operand.where == "previous":
        return plan.cell.state.index(list(plan.cell.previous.values())[operand.index].state)
    return operand.index if operand.where == "state" else None


@cache
def operand_width(plan: StagePlan, one: NumberedSlot) -> Literal["hidden", "output"]:
    """The width of what a slot multiplies, beside the input."""
    operand = one.slot.operand
    state = state_of(plan, operand)
    if state is not None:
        return "hidden" if state else "output"
    line = plan.intermediates[operand.index]
    return next(stage.width for stage in plan.stages if line in stage.lines)


def runs_all_steps(plan: StagePlan) -> bool:
    """Whether no product or normalizer is between states of two steps: a stage can run all steps by itself.

    >>> from gatewise.cells import GRU, LRU, MinGRU
    >>> from gatewise.compiler.stages import plan
    >>> [runs_all_steps(plan(cell)) for cell in (MinGRU, LRU, GRU)]
    [True, True, False]
    """
    states = plan.program.states
    within = all(
        states[part.state] in stage.lines
        for stage in plan.stages
        for line in stage.lines.values()
        for part in inside(line)
        if isinstance(part, Previous)
    )
    return within and not any(one.slot.operand.where == "previous" for one in slots(plan))


class Kernel:
    """What kernels of both directions have in common.

    carried: the stage's states that the next step reads
    """

    plan: StagePlan
    number: int
    stage: Stage
    language: Triton
    loops: bool
    states: list[str]
    slots: list[NumberedSlot]
    previous: list[int | None]
    carried: list[int]

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.plan, self.number, self.stage = plan, number, plan.stages[number]
        self.language = Triton()
        self.loops = runs_all_steps(plan)
        self.states = list(plan.program.states.values())
        self.slots = [one for one in slots(plan) if one.stage == number]
        self.previous = [state_of(plan, RowLocation("previous", k)) for k in range(len(plan.cell.previous))]
        before = dict.fromkeys(int(one or 0) for one in self.previous)
        self.carried = [one for one in before if self.states[one] in self.stage.lines]
        self.pointers: dict[str, None] = {}

    def pointer(self, name: str) -> str:
        """An argument that is an address."""
        self.pointers[name] = None
        return name

    def place(self, row: Row) -> str:
        """The address of a number of a row."""
        states, one = len(self.states), row.index
        match row.where:
            case "previous":
                return f"{self.pointer('states')} + (t * {states} + {self.previous[one]}) * rows + at"
            case "state":
                return f"{self.pointer('states')} + ((t + 1) * {states} + {one}) * rows + at"
            case "kept":
                return f"{self.pointer('kept')} + t * kept_step + {one} * rows + at"
            case "factors":
                return f"{self.pointer('factors')} + t * factor_step + {one} * rows + at"
            case "entries":
                step = f"t * {len(entries(self.plan))} * rows + " if self.loops else ""
                return f"{self.pointer('entries')} + {step}{one} * rows + at"
        return f"{self.pointer('vectors')} + {one} * stride + u"

    def of_chunk(self, pointer: str, state: int) -> str:
        """The address of a number of a state, of which there is one for each chunk of steps."""
        return f"{self.pointer(pointer)} + (number * {len(self.states)} + {state}) * rows + at"

    def loads(self, *kinds: Where) -> Iterator[str]:
        """Loads every row of some kinds that the text reads."""
        for row in self.language.rows:
            name = f"{row.where}_{row.index}"
            if row.where in kinds:
                yield load(name, self.place(row))

    def resets(self) -> Iterator[str]:
        """Sets states before the step to zero where they are reset."""
        for row in self.language.rows:
            if row.where == "previous":
                name = f"previous_{row.index}"
                yield from ("if RESETS:", f"    {name} = tl.where(reset, 0.0, {name})")

    def statistics(self, number: int, values: list[str]) -> Iterator[str]:
        """The mean of a normalizer's rows, and 1 / their deviation."""
        mean, scale = f"mean_{number}", f"inverse_deviation_{number}"
        yield f"count_{number} = {len(values)} * width"
        yield f"{mean} = ({over_units(values)}) / count_{number}"
        away = [f"({one} - {mean}) * ({one} - {mean})" for one in values]
        variance = f"({over_units(away)}) / count_{number}"
        yield f"{scale} = 1.0 / tl.sqrt_rn({variance} + {NORMALIZE_EPSILON!r})"

    def rows_of(self, number: int) -> list[str]:
        """The variables of a normalizer's rows."""
        rows = self.plan.normalizers[number][1]
        return [
            self.language.row(Row("state" if one.where == "state" else "kept", one.index)) for one in rows
        ]

    def function(self, name: str, before: list[str], body: list[str], after: list[str], t: str) -> StepKernel:
        """The kernel with these statements before, in and after a step, or the loop over a chunk of steps.

        t: the number of the step if a chunk of steps is run, over `step`, which counts from `start` to `end`
        """
        arguments = (*self.pointers, *SIZES, *(("chunk",) if self.loops else ()), *OPTIONS)
        head = ", ".join(f"{one}: tl.constexpr" if one in OPTIONS else one for one in arguments)
        start = [
            "first = tl.load(counter).to(tl.int64) + offset",
            "b = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]",
            "u = (tl.program_id(1) * UNITS + tl.arange(0, UNITS))[None, :]",
            "inside = (b < batch) & (u < width)",
            "at = b * stride + u",
            "rows = batch * stride",
            "if LENGTHS:",
            "    length = tl.load(lengths + b, mask=b < batch, other=0)",
        ]
        step = [
            f"t = first + {t}" if self.loops else "t = first",
            "if LENGTHS:",
            "    alive = t < length",
            "if RESETS:",
            "    reset = tl.load(resets + t * batch + b, mask=b < batch, other=0) != 0",
            "    next_reset = tl.load(resets + (t + 1) * batch + b, mask=b < batch, other=0) != 0",
        ]
        if self.loops:
            start += [
                "number = tl.program_id(2).to(tl.int64)",
                "start = tl.program_id(2) * chunk",
                "end = tl.minimum(start + chunk, steps)",
            ]
            loop = ["for step in range(start, end):", *(f"    {line}" for line in step + body)]
        else:
            loop = step + body
        own = [*start, *before, *loop, *after]
        varying = ["offset", "steps", *(["chunk"] if self.loops else [])]
        listed = ", ".join(f'"{one}"' for one in varying)
        lines = [f"@triton.jit(do_not_specialize=[{listed}])\ndef {name}({head}):", *own]
        whole_rows = bool(self.language.normalizers)
        return StepKernel(name, "\n    ".join(lines) + "\n", arguments, whole_rows)


def within(value: str, inside: str = "inside") -> str:
    """A value inside the rows and the width, and 0 outside, where a value can be any number, infinity or NaN.

    Whatever adds over units or rows, sums as well as matrix products, reads its values through this.
    """
    return f"tl.where({inside}, {value}, 0.0)"


def over_units(values: list[str]) -> str:
    """The sum of rows over their units, [B, 1]."""
    return " + ".join(f"tl.sum({within(one)}, 1)[:, None]" for one in values)


def over_rows(value: str) -> str:
    """The sum of a program's rows, [1, units]."""
    return f"tl.sum({within(value)}, 0)[None, :]"


def load(name: str, address: str) -> str:
    return f"{name} = tl.load({address}, mask=inside, other=0.0).to(tl.float32)"


def store(address: str, value: str) -> str:
    return f"tl.store({address}, {value}, mask=inside)"


def put(address: str, value: str, adds: bool) -> Iterator[str]:
    """Stores a value, or adds it to the number there."""
    if adds:
        yield load("more", address)
        value = f"more + {value}"
    yield store(address, value)
