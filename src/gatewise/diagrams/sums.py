"""The terms of a sum with their signs, and the biases of its products."""

from __future__ import annotations

from collections.abc import Iterator

from gatewise.cells.expressions import Expression, Normalized, Operation, Product
from gatewise.cells.typeset import BIASED
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


def biases(terms: list[tuple[str, Expression]], alone: bool, own: frozenset[str]) -> list[str]:
    """The biases of a sum's products: one for each block, unless that would be ambiguous.

    terms: those that are not read by their names, with their signs
    alone: whether the sum is a single product
    own: the blocks with biases of the cell's own
    """
    biased: dict[str, list[tuple[str, str]]] = {}
    for sign, one in terms:
        if isinstance(one, Product) and (one.family in BIASED or one.per_head):
            biased.setdefault(one.block, []).append((sign, one.family))
    found = []
    for block, added in biased.items():
        signs = {sign for sign, _ in added}
        if alone or block in own or len(signs) > 1:
            found += [(sign, bias(block, family)) for sign, family in added]
        else:
            found += [(sign, bias(block)) for sign in signs]
    return [f"{'−' if sign == '-' else ''}{text}" for sign, text in found]
