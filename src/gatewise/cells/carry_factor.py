"""Carry factors: the factor by which one step of a cell multiplies the previous value of a state."""

from __future__ import annotations

from collections.abc import Mapping

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Operation, Previous

ONE = Constant(1.0)


def carry_factors(cell: CellType) -> dict[str, Expression]:
    """The carry factor of each state that has one, by its name in `cell.previous`.

    Gates and candidates are held constant: only the direct path from a state to itself counts, through sums
    and products. A state without a direct path has no carry factor.

    >>> from gatewise.cells import GRU, LSTM, RNN
    >>> carry_factors(LSTM)["c"].line, carry_factors(GRU)["h"].line, carry_factors(RNN)
    ('f', 'z', {})
    """
    found = {}
    for name, before in cell.previous.items():
        factor = _factor(cell.lines[before.state], before, cell.lines)
        if factor is not None:
            found[name] = factor
    return found


def _factor(expression: Expression, before: Previous, lines: Mapping[str, Expression]) -> Expression | None:
    """The derivative of an expression by a state before it, functions held constant; None for zero."""
    if expression is before:
        return ONE
    if not isinstance(expression, Operation):
        return None
    parts = [_factor(lines.get(one.line or "", one), before, lines) for one in expression.arguments]
    match expression.function, parts:
        case ("add", [first, second]):
            return _sum(first, second)
        case ("subtract", [first, second]):
            return _sum(first, None if second is None else _times(second, Constant(-1.0)))
        case ("negate", [only]) if only is not None:
            return _times(only, Constant(-1.0))
        case ("multiply", [first, second]):
            a, b = expression.arguments
            return _sum(
                None if first is None else _times(first, b), None if second is None else _times(second, a)
            )
        case ("divide", [first, None]) if first is not None:
            return first / expression.arguments[1]
    return None


def _sum(first: Expression | None, second: Expression | None) -> Expression | None:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(first.value + second.value)
    return first + second


def _times(first: Expression, second: Expression) -> Expression:
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(first.value * second.value)
    if isinstance(first, Constant) and first.value == 1.0:
        return second
    return first * second
