"""When each line of a step can be computed unit by unit, and which values must be kept for other units."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression, Normalized, Operation, Previous, Product
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.ranks import matrix_lines
from gatewise.cells.traversal import inside
from gatewise.compiler.layout import ProductGroup, layout
from gatewise.compiler.program import PROJECTION, Extras, Program, program, rebuilt

Operand = tuple[Expression, bool]  # and whether all of its units are read, not only the own one


@dataclass
class Schedule:
    """The passes over the units of a step: products, norms and sums between units come before each pass.

    lines: all lines, by name; states: the line of each state
    passes: the number of the pass that computes a line
    matrices: the lines with a number for each unit and key
    products, normalizers, dots: with the number of the pass before which they are computed
    kept: the lines that other units or later passes read, which need memory
    replaced: the states whose last value is read after the new one is known, which need a second memory
    """

    lines: dict[str, Expression]
    states: Mapping[str, str]
    matrices: frozenset[str]
    passes: dict[str, int] = field(default_factory=dict)
    products: dict[ProductGroup, tuple[int, Expression]] = field(default_factory=dict)
    normalizers: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    dots: dict[Expression, int] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """The number of passes."""
        return 1 + max(self.passes.values())


def schedule(cell: CellType, extras: Extras) -> Schedule:
    """The schedule of a cell with the additions of its layer.

    >>> from gatewise.cells import LSTM, ChoGRU, MLSTM
    >>> [schedule(cell, Extras()).count for cell in (LSTM, ChoGRU, MLSTM)]
    [1, 2, 2]
    """
    return _Scheduler(cell, program(cell, extras)).schedule()


def is_product(line: Expression) -> bool:
    """Whether a line is a product and nothing else, which has its memory already."""
    return isinstance(line, Product)


class _Scheduler:
    def __init__(self, cell: CellType, own: Program) -> None:
        lines = _with_rows(own.lines)
        self.found = Schedule(lines, own.states, matrix_lines(lines))
        self.groups = [*layout(cell).products]
        if any(isinstance(one, Product) and one.family == PROJECTION for one in lines.values()):
            self.groups.append(ProductGroup(PROJECTION, lines[cell.state[0]], ("",), False))
        self.together: dict[str, dict[str, None]] = {}
        for one in (part for line in lines.values() for part in inside(line)):
            if isinstance(one, Normalized):
                assert one.operand.line is not None
                self.together.setdefault(one.group, {})[one.operand.line] = None

    def schedule(self) -> Schedule:
        for name in self.found.lines:
            self._pass_of(name)
        for name, line in self.found.lines.items():
            self._keep_operands(name, line)
        for state in self.found.states:
            if self._is_read_late(state):
                self.found.replaced.add(state)
        return self.found

    def _pass_of(self, name: str) -> int:
        if name not in self.found.passes:
            self.found.passes[name] = self._ready(self.found.lines[name])
        return self.found.passes[name]

    def _ready(self, expression: Expression) -> int:
        """The first pass in which an expression has a value for the unit of the pass."""
        needs = [0]
        for operand, whole in self._operands(expression):
            own = self._pass_of(operand.line) if operand.line is not None else self._ready(operand)
            in_a_pass = operand.line is not None or bool(
                operand.operands and not isinstance(operand, Product)
            )
            needs.append(own + (whole and in_a_pass))
        ready = max(needs)
        match expression:
            case Product(family=family, block=block):
                group = next(one for one in self.groups if one.family == family and block in one.blocks)
                self.found.products[group] = (ready, expression.operand)
            case Normalized(group=name):
                self.found.normalizers[name] = (ready, tuple(self.together[name]))
            case Operation(function="dot"):
                self.found.dots[expression] = ready
        return ready

    def _operands(self, expression: Expression) -> Iterator[Operand]:
        match expression:
            case Product(operand=operand):
                yield operand, True
            case Normalized(group=group):
                yield from ((self.found.lines[name], True) for name in self.together[group])
            case Operation(function=function, arguments=arguments) if function in BY_HEAD:
                yield from zip(arguments, _WHOLE[function], strict=True)
            case _:
                yield from ((one, False) for one in expression.operands)

    def _keep_operands(self, reader: str, expression: Expression) -> None:
        for operand, whole in self._operands(expression):
            if operand.line is None:
                self._keep_operands(reader, operand)
            elif whole or self.found.passes[operand.line] < self.found.passes[reader]:
                self.found.kept.add(operand.line)

    def _is_read_late(self, state: str) -> bool:
        """Whether the last value of a state is read after its new value is in the same memory."""
        line = self.found.states[state]
        written, order = self.found.passes[line], list(self.found.lines)
        of_units = state not in self.found.matrices and line not in self.found.matrices
        for name in order:
            for before, whole, in_pass in self._reads_of(state, self.found.lines[name]):
                read = self.found.passes[name] if in_pass else before
                later = order.index(name) > order.index(line) and not of_units
                if read > written or (in_pass and read == written and (whole or later)):
                    return True
        return False

    def _reads_of(self, state: str, expression: Expression) -> Iterator[tuple[int, bool, bool]]:
        """The pass before which a state is read, whether by all units, and whether within that pass."""
        for operand, whole in self._operands(expression):
            rows = isinstance(expression, Product | Normalized) or (
                isinstance(expression, Operation) and expression.function == "dot"
            )
            if isinstance(operand, Previous) and operand.state == state and operand.line is None:
                yield self._ready(expression), whole, not rows
            elif operand.line is None:
                yield from self._reads_of(state, operand)


_WHOLE = {  # which operands of a function between units are read at other units
    "outer": (False, True),
    "contract": (False, True),
    "keys": (True,),
    "dot": (True, True),
}


def _with_rows(lines: Mapping[str, Expression]) -> dict[str, Expression]:
    """Makes values that are read at other units separate lines, so that they are computed once."""
    found: dict[str, Expression] = {}

    def lifted(expression: Expression) -> Expression:
        made = rebuilt(expression, lifted)
        if not isinstance(made, Operation) or made.function not in BY_HEAD:
            return made
        pairs = zip(made.arguments, _WHOLE[made.function], strict=True)
        return Operation(made.function, tuple(as_row(one) if whole else one for one, whole in pairs))

    def as_row(operand: Expression) -> Expression:
        if operand.line is not None or not isinstance(operand, Operation):
            return operand
        name = f"_row{len(found)}"
        found[name] = named(name, operand)
        return found[name]

    for name, line in lines.items():
        found[name] = named(name, lifted(line))
    return found


def named(name: str, line: Expression) -> Expression:
    """A copy of an expression that is the line of a name."""
    made = copy.copy(line)
    object.__setattr__(made, "line", name)
    return made
