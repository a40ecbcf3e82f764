"""A cell's equations on the arrays of any library: the step for the library's own loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.benchmark.workload import BenchmarkCase
from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
    NORMALIZE_EPSILON,
    Constant,
    Expression,
    Factor,
    Input,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.compiler.heads import by_head
from gatewise.compiler.layout import TORCH_NAMES, Layout, ProductGroup

Array = Any


@dataclass(frozen=True)
class Library:
    """The operations of a library.

    functions: elementwise ones by the names of the notation; join, split: along the last axis
    transposed: the transpose of a matrix, in the best memory layout for products
    """

    functions: Mapping[str, Callable[..., Array]]
    join: Callable[[Sequence[Array]], Array]
    split: Callable[[Array, int], Sequence[Array]]
    transposed: Callable[[Array], Array]


def matrices_refused(case: BenchmarkCase) -> str | None:
    """The reason why a case has no equations on arrays, or None."""
    function = by_head(case.cell)
    return None if function is None else f"it has no function {function} between the units of a head"


class ArrayEquations:
    """One cell on the arrays of one library, with its layout and the parameters of a layer."""

    cell: CellType
    layout: Layout
    library: Library
    parameters: Mapping[str, Array]
    blocks: dict[str, tuple[str, ...]]
    matrices: dict[ProductGroup, tuple[Array, Any | None]]

    def __init__(
        self, cell: CellType, layout: Layout, library: Library, parameters: Mapping[str, Array]
    ) -> None:
        self.cell, self.layout, self.library, self.parameters = cell, layout, library, parameters
        self.blocks = {one.name: one.blocks for one in self.layout.parameters}
        self.matrices = {group: self._weights(group) for group in self.layout.products}

    def input_products(self, inputs: Array) -> tuple[Array, ...]:
        """The products of all inputs at once, [T, B, blocks * H] each."""
        return tuple(self._product(group, inputs) for group in self._by_input())

    def step(self, products: Sequence[Array], state: Sequence[Array]) -> tuple[Array, ...]:
        """The new states [B, H], from the input products of one step and the states before."""
        values: dict[Any, Array] = dict(zip(self.cell.previous.values(), state, strict=True))
        known: dict[Any, Array] = {}
        for group, whole in zip(self._by_input(), products, strict=True):
            known |= self._by_block(group, whole)
        lines: dict[str, Array] = {}
        for name, line in self.cell.lines.items():
            lines[name] = self._value(line, lines, values, known)
        return tuple(lines[name] for name in self.cell.state)

    def _by_input(self) -> list[ProductGroup]:
        return [group for group in self.layout.products if isinstance(group.operand, Input)]

    def _value(
        self, expression: Expression, lines: dict[str, Array], last: dict[Any, Array], known: dict[Any, Array]
    ) -> Array:
        def read(one: Expression) -> Array:
            return lines[one.line] if one.line in lines else self._value(one, lines, last, known)

        match expression:
            case Constant(value=number):
                return number
            case Factor():  # the elapsed time
                return 1.0
            case Previous():
                return last[expression]
            case Vector(family=family, block=block):
                return self._row(family, block)
            case Operation(function=name, arguments=arguments):
                return self.library.functions[name](*map(read, arguments))
            case Product(family=family, block=block):
                if (family, block) not in known:
                    group = self._group(family, block)
                    known |= self._by_block(group, self._product(group, read(group.operand)))
                return known[family, block]
            case Normalized(group=name):
                if expression not in known:
                    together = self.layout.normalized[name]
                    values = self._normalized(name, [read(one.operand) for one in together])
                    known |= zip(together, values, strict=True)
                return known[expression]
        raise TypeError(f"no value for {expression}")

    def _group(self, family: str, block: str) -> ProductGroup:
        return next(one for one in self.layout.products if one.family == family and block in one.blocks)

    def _by_block(self, group: ProductGroup, product: Array) -> dict[tuple[str, str], Array]:
        parts = self.library.split(product, len(group.blocks))
        return {(group.family, block): part for block, part in zip(group.blocks, parts, strict=True)}

    def _product(self, group: ProductGroup, operand: Array) -> Array:
        matrix, bias = self.matrices[group]
        product = operand @ matrix
        return product if bias is None else product + bias

    def _normalized(self, name: str, operands: list[Array]) -> Sequence[Array]:
        whole = self.library.join(operands)
        centred = whole - whole.mean(-1)[..., None]
        scale = ((centred * centred).mean(-1) + NORMALIZE_EPSILON) ** -0.5
        gain, shift = self.parameters[f"gain_{name}"], self.parameters[f"shift_{name}"]
        return self.library.split(centred * scale[..., None] * gain + shift, len(operands))

    def _weights(self, group: ProductGroup) -> tuple[Array, Array | None]:
        """The rows of a group in its matrix, transposed, and in its bias."""
        matrix, bias = TORCH_NAMES.get(group.family, (group.family, ""))
        own = self._rows(bias, group.blocks) if group.biased else None
        return self.library.transposed(self._rows(matrix, group.blocks)), own

    def _rows(self, name: str, blocks: Sequence[str]) -> Array:
        whole, every = self.parameters[name], self.blocks[name]
        units, first = len(whole) // len(every), every.index(blocks[0])
        return whole[first * units : (first + len(blocks)) * units]

    def _row(self, name: str, block: str) -> Array:
        return self._rows(name, (block,))
