"""Values of parameters alone, such as `exp(p.a)`, which are computed once for all steps and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Operation, Vector
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.traversal import inside
from gatewise.compiler.heads import derived
from gatewise.compiler.program import rebuilt

CONSTANT = "constant"  # the parameter of `with_constants`
CHEAP = ("add", "subtract", "multiply", "negate", "maximum", "minimum", "abs")


@dataclass(frozen=True, eq=False, repr=False)
class Computed(Vector):
    """A vector in place of a function of vectors, which is its value."""

    value: Expression


def with_constants(cell: CellType) -> tuple[CellType, Mapping[str, Expression]]:
    """A cell with vectors in place of functions of vectors, and these functions by block.

    >>> from gatewise.cells import LSTM, RGLRU
    >>> with_constants(RGLRU)[1]
    {'k1': -8 * softplus(p_a)}
    >>> with_constants(LSTM) == (LSTM, {})
    True
    """
    _keep(cell)
    return cell.with_constants


def _keep(cell: CellType) -> None:
    """Computes the result once, and keeps it with the cell, where a graph that is recorded finds it."""
    if "with_constants" not in vars(cell):
        cell.with_constants = _with_constants(cell)


# As by `torch.compiler.assume_constant_result`, which would import all of PyTorch's compiler here.
_keep._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _with_constants(cell: CellType) -> tuple[CellType, Mapping[str, Expression]]:
    found: dict[str, Expression] = {}

    def changed(expression: Expression) -> Expression:
        if not _is_costly(expression):
            return rebuilt(expression, changed)
        block = f"k{len(found) + 1}"
        found[block] = expression
        return Computed(CONSTANT, block, expression)

    def line(expression: Expression) -> Expression:
        whole = changed(expression)
        return whole + 0.0 if isinstance(whole, Vector) else whole  # a line is an equation

    lines = {name: line(own) for name, own in cell.lines.items()}
    return (derived(cell, lines, cell.state), found) if found else (cell, found)


def _is_costly(expression: Expression) -> bool:
    """Whether it depends on vectors alone, and has a function that takes more than a few cycles.

    A line that it reads counts as a value of the step, so that every line remains in traces.
    """
    every = list(inside(expression))
    reads_lines = any(operand.line is not None for one in every for operand in one.operands)
    functions = {one.function for one in every if isinstance(one, Operation)}
    of_vectors = all(isinstance(one, Operation | Constant | Vector) for one in every) and not reads_lines
    return of_vectors and not functions & {*BY_HEAD} and not functions <= {*CHEAP}
