"""The backward pass of a stage, line by line; derivatives are expressed by the lines' values."""

from __future__ import annotations

from functools import cache

from gatewise.cells.expressions import Constant, Expression, Factor, Normalized, Operation, Previous, Vector
from gatewise.compiler.functions import FUNCTIONS, SIGNS
from gatewise.compiler.stages import Accumulated, RowLocation, StagePlan, lines_read, previous_place
from gatewise.compiler.values import Values, row, stored, variable

Entry = tuple[str, RowLocation]  # ("", a line that later stages read) or (a normalizer's group, its value)


@cache
def entries(plan: StagePlan) -> dict[Entry, int]:
    """Gradients that a stage passes to an earlier one, by number."""
    found: dict[Entry, int] = {}
    for stage in plan.stages:
        for slot in stage.slots:
            if slot.operand.where in ("state", "kept"):
                found.setdefault(("", slot.operand), len(found))
        for line in stage.lines.values():
            for name in lines_read(line):
                if name not in stage.lines:
                    found.setdefault(("", plan.location(name)), len(found))
    for group, rows in plan.normalizers:
        for one in rows:
            found.setdefault((group, one), len(found))
    return found


@cache
def kept(plan: StagePlan) -> tuple[str | int, ...]:
    """The values of a step that training saves beside the states: lines by name, sums by number.

    >>> from gatewise.cells import GRU
    >>> from gatewise.compiler.stages import plan
    >>> kept(plan(GRU))
    ('r', 'z', 'n', 2)
    """
    read = {one for number in range(len(plan.stages)) for one in Gradient(plan, number).sums_read}
    return (*plan.intermediates, *sorted(read))


class Gradient:
    """The backward pass of one stage: from the gradients of its lines to those of its sums and inputs."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.plan, self.number, self.stage = plan, number, plan.stages[number]
        self.values = Values(plan, self.stage)
        self.statements: list[str] = []
        self.outside: dict[str, str] = {}  # gradients for other stages: the variable, and its destination
        self.temporaries = 0
        for name in reversed(list(self.stage.lines)):
            self._back(self.stage.lines[name], f"d_{variable(self.plan, name)}", own=name)

    @property
    def sums_read(self) -> tuple[int, ...]:
        """The sums whose values the gradient needs."""
        return tuple(self.values.sums_read)

    @property
    def produced(self) -> list[int]:
        """The normalizers with values among the lines of this stage."""
        places = {self.plan.location(name) for name in self.stage.lines}
        return [k for k, (_, rows) in enumerate(self.plan.normalizers) if places & set(rows)]

    def target(self, operand: RowLocation) -> str:
        """The destination of a slot's gradient, and whether it is added to the value there."""
        if operand.where == "input":
            return "0, false"
        entry = operand.index if operand.where == "previous" else entries(self.plan)["", operand]
        key = f"previous {operand.index}" if operand.where == "previous" else f"entry {entry}"
        adds = key in self._written_later() or key in self.outside.values()
        return f"{entry}, {str(adds).lower()}"

    def text(self) -> str:
        """The C++ code of the stage's backward step."""
        plan, stage = self.plan, self.stage
        sums = range(stage.first_sum, stage.first_sum + stage.sums)
        kept_sums = [(place, one) for place, one in enumerate(kept(plan)) if one in sums]
        values = [f"const V {variable(self.plan, name)} = {stored(plan, name)};" for name in stage.lines]
        values += [f"const V {variable(self.plan, one)} = {row('kept', place)};" for place, one in kept_sums]
        starts = [text for name in stage.lines for text in self._start(name)]
        starts += [f"V d_sum_{k} = V{{}};" for k in sums]
        starts += [f"V {name} = V{{}};" for name in self.outside]
        ends = [f"step.by_sum({k}, u, d_sum_{k});" for k in sums] + self._ends()
        body = [*values, *starts, *self.statements, *ends, "(void)step, (void)u;"]
        head = "    static GATEWISE_INLINE void backward(const Step<T, Cell> &step, int64_t u) {"
        return "\n".join([head, *(f"      {line}" for line in body), "    }"])

    def _start(self, name: str) -> list[str]:
        """The initial gradient of a line: from later steps, later stages and a trace."""
        own, place, by = (
            variable(self.plan, name),
            self.plan.location(name),
            f"d_{variable(self.plan, name)}",
        )
        state = place.where == "state"
        starts = [
            f"V {by} = {f'step.by_state({place.index}, u, {self._later(place.index)})' if state else 'V{}'};"
        ]
        if ("", place) in entries(self.plan):
            starts.append(f"{by} += {row('entries', entries(self.plan)['', place])};")
        if not state:
            starts.append(f"if (step.by_kept) {by} += {row('by_kept', place.index)};")
        for number, (group, rows) in enumerate(self.plan.normalizers):
            if place in rows:
                left = row("entries", entries(self.plan)[group, place])
                starts.append(f"{by} += step.through_normaliser({number}, {own}, {left});")
        return starts

    def _later(self, state: int) -> str:
        """The gradient of a state from the steps after this one, one along each axis."""
        cell = self.plan.cell
        carried = [k for k, one in enumerate(cell.previous.values()) if one.state == cell.state[state]]
        return " + ".join(f"load(step.carried[{k}] + u)" for k in carried) or "V{}"

    def _ends(self) -> list[str]:
        """Passes gradients to other stages; the first in a step stores, the others add."""
        later, ends = self._written_later(), []
        for name, place in self.outside.items():
            kind, index = place.split()
            verb = "add" if place in later or kind == "vector" else "put"
            ends.append(f"step.{verb}_{kind}({index}, u, {name});")
        previous = range(len(self.plan.cell.previous)) if self.number == 0 else ()
        return ends + [f"step.put_previous({k}, u, V{{}});" for k in previous if not self._reached(k)]

    def _written_later(self) -> set[str]:
        """The destinations to which later stages already passed gradients."""
        found: set[str] = set()
        for number in range(self.number + 1, len(self.plan.stages)):
            found |= _left(self.plan, number)
        return found

    def _reached(self, previous: int) -> bool:
        """Whether the step has a gradient for a state of a position before."""
        return any(
            f"previous {previous}" in _left(self.plan, number) for number in range(len(self.plan.stages))
        )

    def _back(self, expression: Expression, gradient: str, own: str | None = None) -> None:
        """Adds an expression's gradient to its operands. own: the line that the expression is"""
        if own is None and expression.line is not None:
            self._back_line(expression.line, gradient)
            return
        match expression:
            case Accumulated(index=index):
                self._add(f"d_sum_{index}", gradient)
            case Factor():
                pass  # what a layer is given has no gradient
            case Previous():
                place = previous_place(self.plan.cell, expression)
                self._leave(f"d_previous_{place}", f"previous {place}", gradient)
            case Vector(family=family, block=block):
                self._leave_vector(family, block, gradient)
            case Normalized():
                self._back_normalized(expression, gradient)
            case Operation(function=name, arguments=(first, second)) if name in SIGNS:
                self._back_sign(name, first, second, gradient)
            case Operation(function="maximum" | "minimum" as name, arguments=(first, second)):
                self._back_chosen(first, second, ">" if name == "maximum" else "<", gradient)
            case Operation(function=name, arguments=(only,)):
                slope = FUNCTIONS[name].slope
                if "{y}" in slope:
                    y = variable(self.plan, own) if own else self._keep(self.values.text(expression))
                    slope = slope.format(y=y)
                else:
                    slope = slope.format(x=self._keep(self.values.read(only)))
                self._back(only, self._keep(f"{gradient} * {slope}"))

    def _back_line(self, name: str, gradient: str) -> None:
        if name in self.stage.lines:
            self._add(f"d_{variable(self.plan, name)}", gradient)
        else:
            entry = entries(self.plan)["", self.plan.location(name)]
            self._leave(f"d_entry_{entry}", f"entry {entry}", gradient)

    def _back_normalized(self, one: Normalized, gradient: str) -> None:
        gain, shift = self.values.gain_and_shift_names(one)
        assert one.operand.line is not None
        entry = entries(self.plan)[one.group, self.plan.location(one.operand.line)]
        self._leave_vector(*gain, self._keep(f"{gradient} * {self.values.standardized(one)}"))
        self._leave_vector(*shift, gradient)
        self._leave(
            f"d_entry_{entry}", f"entry {entry}", self._keep(f"{gradient} * {self.values.vector(*gain)}")
        )

    def _back_sign(self, name: str, first: Expression, second: Expression, g: str) -> None:
        if name == "add":
            self._back(first, g)
            self._back(second, g)
        elif name == "subtract":
            self._back(first, g)
            self._back(second, self._keep(f"-{g}"))
        elif name == "multiply":
            if not isinstance(first, Constant | Factor):
                self._back(first, self._keep(f"{g} * {self.values.read(second)}"))
            if not isinstance(second, Constant | Factor):
                self._back(second, self._keep(f"{g} * {self.values.read(first)}"))
        else:
            above, below = self.values.read(first), self._keep(self.values.read(second))
            self._back(first, self._keep(f"{g} / {below}"))
            self._back(second, self._keep(f"-{g} * ({above} / {below}) / {below}"))  # no square overflows

    def _back_chosen(self, first: Expression, second: Expression, sign: str, gradient: str) -> None:
        """Through a maximum or minimum, whose gradient equal values share."""
        a, b, g = self._keep(self.values.read(first)), self._keep(self.values.read(second)), gradient
        half = f"select<T>({a} == {b}, {g} * T(0.5), V{{}})"
        self._back(first, self._keep(f"select<T>({a} {sign} {b}, {g}, {half})"))
        self._back(second, self._keep(f"select<T>({b} {sign} {a}, {g}, {half})"))

    def _leave_vector(self, family: str, block: str, gradient: str) -> None:
        number = self.plan.vectors.index((family, block))
        self._leave(f"d_vector_{number}", f"vector {number}", gradient)

    def _leave(self, name: str, place: str, gradient: str) -> None:
        self.outside[name] = place
        self._add(name, gradient)

    def _keep(self, text: str) -> str:
        if text.isidentifier():
            return text
        self.temporaries += 1
        self.statements.append(f"      const V t{self.temporaries} = {text};")
        return f"t{self.temporaries}"

    def _add(self, name: str, gradient: str) -> None:
        self.statements.append(f"      {name} += {gradient};")


@cache
def _left(plan: StagePlan, number: int) -> set[str]:
    """The destinations of a stage's gradients: of lines, and of the operands of products."""
    gradient = Gradient(plan, number)
    found = {place for place in gradient.outside.values() if not place.startswith("vector")}
    for slot in plan.stages[number].slots:
        if slot.operand.where == "previous":
            found.add(f"previous {slot.operand.index}")
        elif slot.operand.where != "input":
            found.add(f"entry {entries(plan)['', slot.operand]}")
    return found
