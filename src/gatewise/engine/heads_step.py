"""The equations of a step on tensors with an axis of heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from gatewise.cells.expressions import Input
from gatewise.compiler.layout import ProductGroup
from gatewise.engine.step import BY_HEAD, CellStep, StepValues, by_block


def _dot(first: Tensor, second: Tensor, keys: int) -> Tensor:
    """[..., heads, K] (or one number for all keys) -> [..., heads, 1]: the dot product of each head."""
    product = first * second
    return product.expand(*product.shape[:-1], keys).sum(-1, keepdim=True)


class HeadsStep(CellStep):
    """`CellStep` with values [..., heads, K], or [..., heads, 1] if they are one for all units of a head.

    Which of both follows from the equations: products with a row for each head and dot products are numbers
    of a head, and so is what is computed from such numbers only.
    """

    by_head: ClassVar[dict[str, Callable[..., Tensor]]] = {**BY_HEAD, "dot": _dot}

    def of_units(self, values: Tensor) -> Tensor:
        return values.unflatten(-1, (self.heads, -1))

    def flat(self, values: Tensor) -> Tensor:
        return values.expand(*values.shape[:-1], self.keys).flatten(-2)

    def _blocks(self, group: ProductGroup, operand: Tensor) -> StepValues:
        if not isinstance(group.operand, Input):
            operand = self.flat(operand)
        products = by_block(group, self.products[group](operand))
        return {key: self.of_units(one) for key, one in products.items()}
