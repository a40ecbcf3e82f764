"""A cell's equations as a kernel runs them: products summed in registers, then the lines on top of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from gatewise.cells.base import CellType
from gatewise.cells.exchange import as_list
from gatewise.cells.notation import Expression, Input, Normalised, Operation, Previous, Product
from gatewise.cells.order import parts


@dataclass(frozen=True, eq=False, repr=False)
class Accumulated(Expression):
    """The sum of some products, as it stands in a register."""

    index: int


@dataclass(frozen=True)
class Accumulator:
    """Products whose sum alone is needed: they share one register. Each by its family and block."""

    products: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Slot:
    """What is multiplied, the input or a state, and which accumulators it goes into by which products."""

    operand: str  # "x", or the state's name
    products: tuple[tuple[int, str, str], ...]  # accumulator, family, block


@dataclass(frozen=True)
class Stage:
    """All products that a step begins with, and the lines over their sums."""

    slots: tuple[Slot, ...]
    accumulators: tuple[Accumulator, ...]
    lines: dict[str, Expression]


@cache
def obstacle(cell: CellType) -> str | None:
    """Why one stage is not enough for a cell: a line with a product of, or a norm over, a new value."""
    for name, line in cell.lines.items():
        for one in (line, *(part for part in parts(line) if part.line is None)):
            if isinstance(one, Normalised):
                return f"its line {name} normalises over the units"
            if isinstance(one, Product) and not isinstance(one.operand, Input | Previous):
                return f"its line {name} multiplies a value of the same step by {one.family}"
    return None


@cache
def stage(cell: CellType) -> Stage:
    """The one stage of a cell that has no `obstacle`.

    >>> from gatewise.cells import GRU, LSTM
    >>> len(stage(LSTM).accumulators), len(stage(GRU).accumulators)
    (4, 4)
    """
    uses: Counter[str] = Counter()
    for line in cell.lines.values():
        uses.update(str(as_list(one)) for one in (line, *parts(line)) if isinstance(one, Product))
    builder = _Builder(uses)
    lines = {name: builder.rewritten(line) for name, line in cell.lines.items()}
    slots: dict[str, list[tuple[int, str, str]]] = {}
    for index, products in enumerate(builder.sums):
        for one in products:
            operand = one.operand.state if isinstance(one.operand, Previous) else "x"
            slots.setdefault(operand, []).append((index, one.family, one.block))
    return Stage(
        tuple(Slot(operand, tuple(products)) for operand, products in slots.items()),
        tuple(Accumulator(tuple((one.family, one.block) for one in products)) for products in builder.sums),
        lines,
    )


class _Builder:
    """Replaces products by the accumulators that they go into."""

    def __init__(self, uses: Counter[str]) -> None:
        self.uses = uses
        self.sums: list[list[Product]] = []
        self.known: dict[str, Accumulated] = {}

    def rewritten(self, expression: Expression) -> Expression:
        """The same value over accumulators; lines that it reads stay as they are."""
        match expression:
            case Product():
                return self._single(expression)
            case Operation(function="add"):
                return self._sum(expression)
            case Operation(function=function, arguments=arguments):
                return Operation(function, tuple(self._operand(one) for one in arguments))
        return expression

    def _operand(self, expression: Expression) -> Expression:
        return expression if expression.line is not None else self.rewritten(expression)

    def _single(self, product: Product) -> Accumulated:
        key = str(as_list(product))
        if key not in self.known:
            self.sums.append([product])
            self.known[key] = Accumulated(len(self.sums) - 1)
        return self.known[key]

    def _sum(self, expression: Expression) -> Expression:
        terms = list(_terms(expression))
        alone = [one for one in terms if isinstance(one, Product) and self.uses[str(as_list(one))] == 1]
        rest = [self._operand(one) for one in terms if one not in alone]
        if alone:
            self.sums.append([one for one in alone if isinstance(one, Product)])
            rest.insert(0, Accumulated(len(self.sums) - 1))
        total = rest[0]
        for one in rest[1:]:
            total = Operation("add", (total, one))
        return total


def _terms(expression: Expression) -> list[Expression]:
    """The terms of a sum, sums within it opened."""
    if isinstance(expression, Operation) and expression.function == "add":
        return [
            term for one in expression.arguments for term in ([one] if one.line is not None else _terms(one))
        ]
    return [expression]
