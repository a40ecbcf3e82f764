"""The program of a cell and a request: projection, zoneout and masks become additional lines."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
    ELAPSED,
    Constant,
    Expression,
    Factor,
    Input,
    Normalized,
    Operation,
    Previous,
    Product,
)
from gatewise.cells.notation import prev
from gatewise.cells.serialization import as_list
from gatewise.cells.traversal import contains, inside

PROJECTION = "projection"  # the matrix's name among a layer's parameters


@dataclass(frozen=True)
class Extras:
    """The additions of a layer to its cell's equations.

    projected: the output is multiplied by a matrix of its own; zoned: the states of which some old
    values stay; masked: matrices see the last output times a mask
    """

    projected: bool = False
    zoned: tuple[str, ...] = ()
    masked: bool = False


PLAIN = Extras()


@dataclass(frozen=True)
class Program:
    """The lines of one step, with separate lines for products and for values that are needed as whole rows.

    states: which line each state becomes; factors: the names of all `Factor`s
    """

    lines: Mapping[str, Expression]
    states: Mapping[str, str]
    factors: tuple[str, ...]


def program(cell: CellType, extras: Extras) -> Program:
    """A cell's lines with the additions of a request; the names of added lines begin with `_`.

    >>> from gatewise.cells import MGU
    >>> made = program(MGU, Extras(zoned=("h",)))
    >>> list(made.lines), made.states
    (['f', '_1', 'g', 'h', '_next_h'], {'h': '_next_h'})
    """
    lines = dict(cell.lines)
    if extras.masked:
        lines = {name: _named(name, _masked(line, prev[cell.state[0]])) for name, line in lines.items()}
    states = {name: name for name in cell.state}
    output = cell.state[0]
    if extras.projected:
        states[output] = f"_projected_{output}"
        lines[states[output]] = _named(states[output], Product(PROJECTION, "", lines[output]))
    for state in extras.zoned:
        stays, new = Factor(state), lines[states[state]]
        states[state] = f"_next_{state}"
        lines[states[state]] = _named(states[state], stays * prev[state] + (1 - stays) * new)
    elapsed = [ELAPSED] if cell.reads_elapsed else []
    factors = (*extras.zoned, *(["mask"] if extras.masked else []), *elapsed)
    return Program(_lifted(lines), states, factors)


def rebuilt(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with each of its operands changed, except the lines that it reads."""

    def operand(one: Expression) -> Expression:
        return one if one.line is not None else change(one)

    match expression:
        case Operation(function=function, arguments=arguments):
            if all(isinstance(one, Constant) for one in arguments):
                return expression
            return Operation(function, tuple(operand(one) for one in arguments))
        case Product(family=family, block=block, operand=only, per_head=per_head):
            return Product(family, block, operand(only), per_head)
        case Normalized(group=group, operand=only):
            return Normalized(group, operand(only))
    return expression


def _named(name: str, line: Expression) -> Expression:
    named = copy.copy(line)
    object.__setattr__(named, "line", name)
    return named


def _masked(expression: Expression, output: Expression) -> Expression:
    """Every product that reads the last output reads it through the mask."""
    if isinstance(expression, Product):
        operand = expression.operand
        if contains(operand, output):
            return Product(
                expression.family, expression.block, Operation("multiply", (operand, Factor("mask")))
            )
        return expression
    return rebuilt(expression, lambda one: _masked(one, output))


def _lifted(lines: Mapping[str, Expression]) -> dict[str, Expression]:
    """Makes operands of products and of normalizers, and products that are used twice, separate lines."""
    uses = Counter(_key(one) for line in lines.values() for one in inside(line) if isinstance(one, Product))
    lifted: dict[str, Expression] = {}
    known: dict[str, Expression] = {}
    numbers = count(1)

    def as_line(expression: Expression) -> Expression:
        key = _key(expression)
        if key not in known:
            made = lift(expression, top=True)
            name = f"_{next(numbers)}"
            lifted[name] = known[key] = _named(name, made)
        return known[key]

    def lift(expression: Expression, top: bool = False) -> Expression:
        if isinstance(expression, Product) and not top and uses[_key(expression)] > 1:
            return as_line(expression)
        if isinstance(expression, Product | Normalized):
            operand = expression.operand
            direct = operand.line is not None or (
                isinstance(expression, Product) and isinstance(operand, Input | Previous)
            )
            return expression if direct else rebuilt(expression, as_line)
        return rebuilt(expression, lift)

    for name, line in lines.items():
        twice = isinstance(line, Product) and uses[_key(line)] > 1
        lifted[name] = _named(name, as_line(line) + 0.0 if twice else lift(line, top=True))
    return lifted


def _key(expression: Expression) -> str:
    return repr(as_list(expression))
