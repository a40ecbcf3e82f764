"""The backward pass of a stage, line by line; derivatives are expressed by the lines' values."""

from __future__ import annotations

from functools import cache

from gatewise.cells.expressions import Constant, Expression, Factor, Normalized, Operation, Previous, Vector
from gatewise.compiler.functions import SIGNS, SLOPES
from gatewise.compiler.stages import Accumulated, RowLocation, Stage, StagePlan, lines_read, previous_place
from gatewise.compiler.statements import Formula, Local, Statement, Value
from gatewise.compiler.values import Values, variable

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
    """The backward pass of one stage: from the gradients of its lines to those of its sums and inputs.

    statements: over the gradient `d_` of each line, sum and destination, which start with values of their own
    outside: gradients for other stages: the variable, and its destination, such as "previous 0"
    """

    plan: StagePlan
    number: int
    stage: Stage
    values: Values
    temporaries: int

    def __init__(self, plan: StagePlan, number: int) -> None:
        self.plan, self.number, self.stage = plan, number, plan.stages[number]
        self.values = Values(plan, self.stage)
        self.statements: list[Statement] = []
        self.outside: dict[str, str] = {}
        self.temporaries = 0
        for name in reversed(list(self.stage.lines)):
            self._back(self.stage.lines[name], Local(f"d_{variable(self.plan, name)}"), own=name)

    @property
    def sums_read(self) -> tuple[int, ...]:
        """The sums whose values the gradient needs."""
        return tuple(self.values.sums_read)

    @property
    def produced(self) -> list[int]:
        """The normalizers with values among the lines of this stage."""
        places = {self.plan.location(name) for name in self.stage.lines}
        return [k for k, (_, rows) in enumerate(self.plan.normalizers) if places & set(rows)]

    @property
    def written_later(self) -> set[str]:
        """The destinations to which later stages already passed gradients."""
        found: set[str] = set()
        for number in range(self.number + 1, len(self.plan.stages)):
            found |= _left(self.plan, number)
        return found

    def is_reached(self, previous: int) -> bool:
        """Whether the step has a gradient for a state of a position before."""
        return any(
            f"previous {previous}" in _left(self.plan, number) for number in range(len(self.plan.stages))
        )

    def _back(self, expression: Expression, gradient: Value, own: str | None = None) -> None:
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
                self._back_function(name, expression, only, gradient, own)

    def _back_function(
        self, name: str, whole: Expression, only: Expression, gradient: Value, own: str | None
    ) -> None:
        slope = SLOPES[name]
        if "{y}" not in slope:
            value = self._keep(self.values.read(only))
        elif own:
            value = Local(variable(self.plan, own))
        else:
            value = self._keep(self.values.value(whole))
        slope = slope.replace("{y}", "{1}").replace("{x}", "{1}")
        self._back(only, self._keep(Formula(f"{{0}} * {slope}", (gradient, value))))

    def _back_line(self, name: str, gradient: Value) -> None:
        if name in self.stage.lines:
            self._add(f"d_{variable(self.plan, name)}", gradient)
        else:
            entry = entries(self.plan)["", self.plan.location(name)]
            self._leave(f"d_entry_{entry}", f"entry {entry}", gradient)

    def _back_normalized(self, one: Normalized, gradient: Value) -> None:
        gain, shift = self.values.gain_and_shift(one)
        assert one.operand.line is not None
        entry = entries(self.plan)[one.group, self.plan.location(one.operand.line)]
        self._leave_vector(*gain, self._product(gradient, self.values.standardized(one)))
        self._leave_vector(*shift, gradient)
        through = self._product(gradient, self.values.vector(*gain))
        self._leave(f"d_entry_{entry}", f"entry {entry}", through)

    def _back_sign(self, name: str, first: Expression, second: Expression, g: Value) -> None:
        if name == "add":
            self._back(first, g)
            self._back(second, g)
        elif name == "subtract":
            self._back(first, g)
            self._back(second, self._keep(Formula("-{0}", (g,))))
        elif name == "multiply":
            if not isinstance(first, Constant | Factor):
                self._back(first, self._product(g, self.values.read(second)))
            if not isinstance(second, Constant | Factor):
                self._back(second, self._product(g, self.values.read(first)))
        else:
            above, below = self.values.read(first), self._keep(self.values.read(second))
            self._back(first, self._keep(Formula("{0} / {1}", (g, below))))
            through = Formula("-{0} * ({1} / {2}) / {2}", (g, above, below))  # no square overflows
            self._back(second, self._keep(through))

    def _back_chosen(self, first: Expression, second: Expression, sign: str, gradient: Value) -> None:
        """Through a maximum or minimum, whose gradient equal values share."""
        a, b = self._keep(self.values.read(first)), self._keep(self.values.read(second))
        half = "{select}({0} == {1}, {2} * {half}, {zeros})"
        chosen = f"{{select}}({{0}} {sign} {{1}}, {{2}}, {half})"
        self._back(first, self._keep(Formula(chosen, (a, b, gradient))))
        chosen = f"{{select}}({{1}} {sign} {{0}}, {{2}}, {half})"
        self._back(second, self._keep(Formula(chosen, (a, b, gradient))))

    def _leave_vector(self, family: str, block: str, gradient: Value) -> None:
        number = self.plan.vectors.index((family, block))
        self._leave(f"d_vector_{number}", f"vector {number}", gradient)

    def _leave(self, name: str, place: str, gradient: Value) -> None:
        self.outside[name] = place
        self._add(name, gradient)

    def _product(self, gradient: Value, factor: Value) -> Local:
        return self._keep(Formula("{0} * {1}", (gradient, factor)))

    def _keep(self, value: Value) -> Local:
        if isinstance(value, Local):
            return value
        self.temporaries += 1
        name = f"t{self.temporaries}"
        self.statements.append(Statement(name, value, adds=False))
        return Local(name)

    def _add(self, name: str, gradient: Value) -> None:
        self.statements.append(Statement(name, gradient, adds=True))


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
