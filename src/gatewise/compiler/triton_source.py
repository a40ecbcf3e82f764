"""A cell's stages as Triton kernels: one step, forward and backward, over tiles of rows and units.

The products of a step are matrix products of their own before a kernel, which adds them up. A kernel reads
and writes, at step `t`,

    states, kept [T + 1 and T, numbers, B, S]   states and what the gradient needs, S the wider of H and P
    products_Q, gradient_Q                      the products of slot Q, and the gradients of its sums
    history_Q                                   these gradients at all steps
    operand_Q, through_Q [B, S]                 what slot Q multiplies, and the gradient through it
    carried, passed [states, B, S]              the gradients of states, from the next step, for the last
    entries [entries, B, S]                     gradients that stages pass to earlier ones

where `t` is a number in memory and an offset, so that recorded launches can be repeated. If no product needs
a state, one launch runs all steps, and states and their gradients stay in registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from gatewise.cells.expressions import NORMALIZE_EPSILON
from gatewise.compiler.gradient import Gradient, entries, kept
from gatewise.compiler.stages import RowLocation, Slot, StagePlan
from gatewise.compiler.statements import Row, Statement, Statistic, Where, written
from gatewise.compiler.triton import PRELUDE, Triton
from gatewise.compiler.values import Values, stored, variable

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


@dataclass(frozen=True, eq=False)
class StepKernels:
    """The kernels of all stages, and the text of the module that holds them.

    runs_all_steps: whether a launch runs all steps, not one
    """

    forward: tuple[StepKernel, ...]
    backward: tuple[StepKernel, ...]
    text: str
    runs_all_steps: bool


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
def kernels(plan: StagePlan) -> StepKernels:
    """The kernels of a cell.

    >>> from gatewise.cells import GRU
    >>> from gatewise.compiler.stages import plan
    >>> [one.name for one in kernels(plan(GRU)).forward + kernels(plan(GRU)).backward]
    ['forward_0', 'backward_0']
    """
    forward = tuple(_Forward(plan, number).kernel() for number in range(len(plan.stages)))
    backward = tuple(_Backward(plan, number).kernel() for number in range(len(plan.stages)))
    text = "\n\n".join([PRELUDE, *(one.text for one in forward + backward)])
    return StepKernels(forward, backward, text, runs_all_steps(plan))


def runs_all_steps(plan: StagePlan) -> bool:
    """Whether units are independent of each other, as no product needs a state, and no normalizer a row.

    >>> from gatewise.cells import GRU, MinGRU
    >>> from gatewise.compiler.stages import plan
    >>> runs_all_steps(plan(MinGRU)), runs_all_steps(plan(GRU))
    (True, False)
    """
    return len(plan.stages) == 1 and all(one.slot.operand.where == "input" for one in slots(plan))


class _Kernel:
    """What kernels of both directions have in common."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.plan, self.number, self.stage = plan, number, plan.stages[number]
        self.language = Triton()
        self.loops = runs_all_steps(plan)
        self.states = list(plan.program.states.values())
        self.slots = [one for one in slots(plan) if one.stage == number]
        self.previous = [state_of(plan, RowLocation("previous", k)) for k in range(len(plan.cell.previous))]
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
                return f"{self.pointer('entries')} + {one} * rows + at"
        return f"{self.pointer('vectors')} + {one} * stride + u"

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
        away = [f"tl.where(inside, ({one} - {mean}) * ({one} - {mean}), 0.0)" for one in values]
        variance = f"({over_units(away)}) / count_{number}"
        yield f"{scale} = 1.0 / tl.sqrt_rn({variance} + {NORMALIZE_EPSILON!r})"

    def rows_of(self, number: int) -> list[str]:
        """The variables of a normalizer's rows."""
        rows = self.plan.normalizers[number][1]
        return [
            self.language.row(Row("state" if one.where == "state" else "kept", one.index)) for one in rows
        ]

    def function(self, name: str, before: list[str], body: list[str], after: list[str], t: str) -> StepKernel:
        """The kernel with these statements before, in and after a step, or the loop over steps.

        t: the number of the step if all are run, over `step`, which counts from zero
        """
        arguments = (*self.pointers, *SIZES, *OPTIONS)
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
            loop = ["for step in range(0, steps):", *(f"    {line}" for line in step + body)]
        else:
            loop = step + body
        own = [*start, *before, *loop, *after]
        lines = [f'@triton.jit(do_not_specialize=["offset", "steps"])\ndef {name}({head}):', *own]
        whole_rows = bool(self.language.normalizers)
        return StepKernel(name, "\n    ".join(lines) + "\n", arguments, whole_rows)


class _Forward(_Kernel):
    def kernel(self) -> StepKernel:
        plan, stage = self.plan, self.stage
        for one in self.slots:
            self.pointer(f"products_{one.number}")
        values = Values(plan, stage)
        lines = [
            f"{variable(plan, name)} = {written(values.value(line), self.language)}"
            for name, line in stage.lines.items()
        ]
        statistics = [
            line
            for number in self.language.normalizers
            for line in self.statistics(number, self.rows_of(number))
        ]
        stores = [line for name in stage.lines for line in self._stores(name)]
        keeps = self._keeps()
        before = [*self.loads("vectors"), *self._biases()]
        body = [*self.loads("state", "kept", "factors")]
        if self.loops:
            before += ["t = first", *self.loads("previous")]
        else:
            body += self.loads("previous")
        body += [*self.resets(), *statistics]
        body += [line for k in range(stage.sums) for line in self._sum(k)]
        body += [*lines, *stores, *keeps]
        return self.function(f"forward_{self.number}", before, body, [], "step")

    def _biases(self) -> Iterator[str]:
        first = self.stage.first_sum
        for index in dict.fromkeys(own for own, _, _ in self.plan.biases):
            if first <= index < first + self.stage.sums:
                yield load(f"bias_{index}", f"{self.pointer('biases')} + {index} * stride + u")

    def _sum(self, index: int) -> Iterator[str]:
        """A sum of products and biases."""
        name = variable(self.plan, self.stage.first_sum + index)
        biased = any(own == self.stage.first_sum + index for own, _, _ in self.plan.biases)
        parts = []
        for one in self.slots:
            for position, own in enumerate(one.sums):
                if own == index:
                    parts.append(f"products_{one.number} + " + product(one, position))
        for number, part in enumerate(parts):
            yield load(name if number == 0 else "more", part)
            if number:
                yield f"{name} += more"
        if biased:
            yield f"{name} += bias_{self.stage.first_sum + index}"

    def _stores(self, line: str) -> Iterator[str]:
        """Stores a line that is a state, and a line that a matrix multiplies."""
        plan, own = self.plan, variable(self.plan, line)
        location = plan.location(line)
        for one in slots(plan):
            if one.slot.operand == location:
                yield store(f"{self.pointer(f'operand_{one.number}')} + at", own)
        if line not in self.states:
            return
        state = self.states.index(line)
        yield f"new = {own} + tl.zeros([ROWS, UNITS], tl.float32)" if self.loops else f"new = {own}"
        before = "0.0"
        if state in self.previous:
            before = self.language.row(Row("previous", self.previous.index(state)))
        yield from ("if LENGTHS:", f"    new = tl.where(alive, new, {before})")
        yield store(self.place(Row("state", state)), "new")
        if self.loops and state in self.previous:
            yield f"{before} = new"
        readers = [one for one in slots(plan) if one.slot.operand.where == "previous"]
        readers = [one for one in readers if state_of(plan, one.slot.operand) == state]
        if readers:
            yield from ("if RESETS:", "    new = tl.where(next_reset, 0.0, new)")
        for one in readers:
            yield store(f"{self.pointer(f'operand_{one.number}')} + at", "new")

    def _keeps(self) -> list[str]:
        """Stores what the gradient or a later stage needs."""
        sums = range(self.stage.first_sum, self.stage.first_sum + self.stage.sums)
        found = []
        for number, one in enumerate(kept(self.plan)):
            if one in self.stage.lines or one in sums:
                own = variable(self.plan, one)
                found += ["    if LENGTHS:", f"        {own} = tl.where(alive, {own}, 0.0)"]
                found.append("    " + store(self.place(Row("kept", number)), own))
        return ["if KEEP:", *found] if found else []


class _Backward(_Kernel):
    def kernel(self) -> StepKernel:
        plan, stage = self.plan, self.stage
        self.gradient = Gradient(plan, self.number)
        sums = range(stage.first_sum, stage.first_sum + stage.sums)
        statements = [statement(one, self.language) for one in self.gradient.statements]
        for number in self.gradient.produced:
            self.language.statistic(Statistic("mean", number))
        statistics = [
            line
            for number in self.language.normalizers
            for line in self.statistics(number, self.rows_of(number))
        ]
        through = [line for number in self.gradient.produced for line in self._through(number)]
        starts = [line for name in stage.lines for line in self._start(name)]
        zeros = [*(f"d_{variable(plan, k)}" for k in sums), *self.gradient.outside]
        starts += [f"{name} = tl.zeros([ROWS, UNITS], tl.float32)" for name in zeros]
        alive = [f"    {name} = tl.where(alive, {name}, 0.0)" for name in zeros]
        values = [load(variable(plan, name), self.place(stored(plan, name))) for name in stage.lines]
        values += [
            load(variable(plan, one), self.place(Row("kept", place)))
            for place, one in enumerate(kept(plan))
            if one in sums
        ]
        body = [*values, *self.loads("previous", "state", "kept", "factors", "entries"), *self.resets()]
        body += [*statistics, *through, *starts, *statements]
        body += ["if LENGTHS:", *alive] if alive else []
        before, after = self._around()
        body += self._ends()
        return self.function(f"backward_{self.number}", before, body, after, "steps - 1 - step")

    def _around(self) -> tuple[list[str], list[str]]:
        """The statements before and after the loop over all steps, or a step."""
        before, after = [*self.loads("vectors")], []
        for state in self.previous if self.loops else ():
            before.append(load(f"later_{state}", f"{self.pointer('carried')} + {state} * rows + at"))
            after.append(store(f"{self.pointer('passed')} + {state} * rows + at", f"later_{state}"))
        vectors = [one for one in self.gradient.outside.values() if one.startswith("vector")]
        for number in [one.split()[1] for one in vectors] if self.loops else ():
            before.append(f"total_{number} = tl.zeros([ROWS, UNITS], tl.float32)")
            after += self._vector(number, f"total_{number}")
        return before, after

    def _vector(self, number: str, gradient: str) -> list[str]:
        """Adds a gradient of a vector to the sum of its rows over the steps before; no other program does."""
        place = f"(tl.program_id(0) * {len(self.plan.vectors)} + {number})"
        address = f"{self.pointer('d_vectors')} + {place} * stride + u"
        return [
            f"total = tl.sum(tl.where(inside, {gradient}, 0.0), 0)[None, :]",
            f"total += tl.load({address}, mask=u < width, other=0.0)",
            f"tl.store({address}, total, mask=u < width)",
        ]

    def _start(self, name: str) -> Iterator[str]:
        """The initial gradient of a line: from later steps, later stages and a trace."""
        plan, own = self.plan, f"d_{variable(self.plan, name)}"
        place = plan.location(name)
        yield f"{own} = tl.zeros([ROWS, UNITS], tl.float32)"
        if place.where == "state":
            yield from self._carried(place.index, own)
        else:
            address = (
                f"{self.pointer('by_kept')} + (t * {len(plan.intermediates)} + {place.index}) * rows + at"
            )
            yield from ("if TRACED:", "    " + load("more", address), f"    {own} += more")
        if ("", place) in entries(plan):
            number = entries(plan)["", place]
            if f"entry {number}" in _passed_by_kernels(plan, self.number):
                yield from (load("more", self.place(Row("entries", number))), f"{own} += more")
            for one in slots(plan):
                if one.slot.operand == place:
                    yield from (
                        load("more", f"{self.pointer(f'through_{one.number}')} + at"),
                        f"{own} += more",
                    )
        for number, (group, rows) in enumerate(plan.normalizers):
            if place in rows:
                left = self.language.row(Row("entries", entries(plan)[group, place]))
                mean, scale = f"mean_{number}", f"inverse_deviation_{number}"
                standard = f"({variable(plan, name)} - {mean}) * {scale}"
                means = f"gradient_mean_{number} - {standard} * gradient_dot_{number}"
                yield f"{own} += {scale} * ({left} - {means})"

    def _carried(self, state: int, own: str) -> Iterator[str]:
        """The gradient of a state, directly and from later steps."""
        plan = self.plan
        by = f"{self.pointer('by_states')} + t * by_step + {state} * rows + at"
        if state:
            yield from ("if TRACED:", "    " + load("more", by), f"    {own} += more")
        else:
            yield from (load("more", by), f"{own} += more")
        if state in self.previous:
            if self.loops:
                yield f"later = later_{state}"
            else:
                yield load("later", f"{self.pointer('carried')} + {state} * rows + at")
            for one in slots(plan):
                if one.slot.operand.where == "previous" and state_of(plan, one.slot.operand) == state:
                    yield load("more", f"{self.pointer(f'through_{one.number}')} + at")
                    yield "later += more"
            yield from ("if RESETS:", "    later = tl.where(next_reset, 0.0, later)", f"{own} += later")
            yield f"stays_{state} = tl.zeros([ROWS, UNITS], tl.float32)"
            yield from ("if LENGTHS:", f"    stays_{state} = tl.where(alive, 0.0, {own})")
        yield from ("if LENGTHS:", f"    {own} = tl.where(alive, {own}, 0.0)")

    def _through(self, number: int) -> Iterator[str]:
        """The means of a normalizer's gradient, and of its product with the standardized values."""
        group, rows = self.plan.normalizers[number]
        values = self.rows_of(number)
        given = [self.language.row(Row("entries", entries(self.plan)[group, one])) for one in rows]
        mean, scale = f"mean_{number}", f"inverse_deviation_{number}"
        dots = [
            f"tl.where(inside, {g} * ({v} - {mean}) * {scale}, 0.0)"
            for g, v in zip(given, values, strict=True)
        ]
        yield f"gradient_mean_{number} = ({over_units(given)}) / count_{number}"
        yield f"gradient_dot_{number} = ({over_units(dots)}) / count_{number}"

    def _ends(self) -> Iterator[str]:
        """Stores the gradients of sums, and passes those of other stages and steps."""
        plan, first = self.plan, self.stage.first_sum
        later = _passed_by_kernels(plan, self.number)
        for group in dict.fromkeys(one.group for one in self.slots):
            members = [one for one in self.slots if one.group == group]
            count = len(members[0].sums)
            for position, own in enumerate(members[0].sums):
                name = f"d_{variable(plan, first + own)}"
                where = f"place(b, u, batch, width, {position}, {count}, HEADS)"
                if any(one.slot.operand.where != "input" for one in members):
                    yield store(f"{self.pointer(f'gradient_{group}')} + {where}", name)
                step = f"t * {count} * batch * width"
                yield store(f"{self.pointer(f'history_{group}')} + {step} + {where}", name)
        for state in self.previous:
            yield from self._passed(int(state or 0), later)
        for name, destination in self.gradient.outside.items():
            kind, number = destination.split()
            if kind == "entry":
                yield from put(self.place(Row("entries", int(number))), name, destination in later)
            elif kind == "vector":
                yield from [f"total_{number} += {name}"] if self.loops else self._vector(number, name)

    def _passed(self, state: int, later: set[str]) -> Iterator[str]:
        """Passes the gradient of a state before the step."""
        previous = self.previous.index(state)
        destination = f"previous {previous}"
        parts = [name for name, where in self.gradient.outside.items() if where == destination]
        if self.states[state] in self.stage.lines:
            parts.append(f"stays_{state}")
        if parts and self.loops:
            yield f"later_{state} = {' + '.join(parts)}"
        elif parts:
            address = f"{self.pointer('passed')} + {state} * rows + at"
            yield from put(address, " + ".join(parts), destination in later)


@cache
def _passed_by_kernels(plan: StagePlan, number: int) -> set[str]:
    """The destinations to which kernels of later stages, which run before, passed gradients."""
    found: set[str] = set()
    states = list(plan.program.states.values())
    for later in range(number + 1, len(plan.stages)):
        found |= set(Gradient(plan, later).outside.values())
        for place, one in enumerate(plan.cell.previous.values()):
            if states[plan.cell.state.index(one.state)] in plan.stages[later].lines:
                found.add(f"previous {place}")
    return found


def product(one: NumberedSlot, position: int) -> str:
    """Where a product of a slot is."""
    if one.slot.operand.where == "input":
        return f"((t * batch + b) * {len(one.sums)} + {position}) * width + u"
    return f"place(b, u, batch, width, {position}, {len(one.sums)}, HEADS)"


def statement(one: Statement, language: Triton) -> str:
    """A line of Triton."""
    return f"{one.name} {'+=' if one.adds else '='} {written(one.value, language)}"


def over_units(values: list[str]) -> str:
    """The sum of rows over their units, [B, 1]."""
    return " + ".join(f"tl.sum({one}, 1)[:, None]" for one in values)


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
