"""The terms of a sum with their signs, and the biases of its products."""

from __future__ import annotations

from collections.abc import Iterator

from gatewise.cells.expressions import Expression, Normalized, Operation, Product
from gatewise.cells.typeset import is_biased
from gatewise.diagrams.labels import bias


def signed_terms(total: Expression, sign: str = "+", own: bool = True) -> Iterator[tuple[str, Expression]]:
    """The terms of a sum with their signs, nested sums expanded."""
    other = {"+": "-", "-": "+"}[sign]
    match total if own or total.line is None else None:
        case Operation(function="add", arguments=(first, second)):
            yield from signed_terms(first, sign, own=False)
            yield from signed_terms(second, sign, own=False)
        case Operation(function="subtract", arguments=(first, second)):
            yield from signed_terms(first, sign, own=False)
            yield from signed_terms(second, other, own=False)
        case Operation(function="negate", arguments=(only,)):
            yield from signed_terms(only, other, own=False)
        case _:
            yield sign, total


def is_product(term: Expression) -> bool:
    """Whether a term is the product of a matrix, or one that is normalized."""
    match term:
        case Product() | Normalized(operand=Product(line=None)):
            return True
    return False


def biases(terms: list[tuple[str, Expression]], separate: frozenset[str]) -> list[str]:
    """The biases of a sum's products, with their signs: one for each block, or one for each product.

    terms: those that are not read by their names, with their signs
    separate: the blocks of which each product has a bias with a letter of its own
    """
    found = (
        (sign, bias(one.block, one.family if one.block in separate else ""))
        for sign, one in terms
        if is_biased(one)
    )
    return [f"{'−' if sign == '-' else ''}{text}" for sign, text in dict.fromkeys(found)]
