"""The layout of a cell: its products, and its parameters in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression, Input, Normalized, Product, Vector
from gatewise.cells.notation import prev
from gatewise.cells.serialization import as_list
from gatewise.cells.traversal import inside
from gatewise.errors import GatewiseError

TORCH_NAMES = {"W": ("weight_ih", "bias_ih"), "R": ("weight_hh", "bias_hh")}

Kind = Literal["matrix", "bias", "vector", "gain", "shift"]
Width = Literal["input", "output", "hidden"]


@dataclass(frozen=True)
class ProductGroup:
    """Products of one family with one value, computed as one product with stacked blocks."""

    family: str
    operand: Expression
    blocks: tuple[str, ...]
    biased: bool
    per_head: bool = False


@dataclass(frozen=True)
class Parameter:
    """One tensor of a layer: blocks of H rows, or a row for each head, one for each gate."""

    name: str
    kind: Kind
    blocks: tuple[str, ...]
    width: Width = "hidden"
    per_head: bool = False

    @property
    def multiplies_hidden(self) -> bool:
        """Whether it is a matrix of hidden values, not of the input."""
        return self.kind == "matrix" and self.width != "input"

    def shape(self, input_size: int, hidden_size: int, output_size: int, heads: int = 1) -> tuple[int, ...]:
        """[blocks * H, width] for a matrix, [blocks * H] otherwise.

        heads: a matrix of hidden values has a block for each head on its diagonal: its width is that of one
        """
        rows = len(self.blocks) * (heads if self.per_head else hidden_size)
        if self.kind != "matrix":
            return (rows,)
        width = {"input": input_size, "hidden": hidden_size // heads, "output": output_size // heads}
        return (rows, width[self.width])


@dataclass(frozen=True)
class Layout:
    """The products and parameters of a cell."""

    products: tuple[ProductGroup, ...]
    normalized: dict[str, tuple[Normalized, ...]]
    parameters: tuple[Parameter, ...]

    @property
    def sizing(self) -> Parameter:
        """The first parameter with a row for each unit, from which their number follows."""
        return next(one for one in self.parameters if not one.per_head)

    def of(self, bias: bool) -> tuple[Parameter, ...]:
        """The parameters of a layer with or without biases."""
        return tuple(one for one in self.parameters if bias or not is_bias(one))


def is_bias(parameter: Parameter) -> bool:
    """Whether `bias=False` removes a parameter: the biases of W and R, and the family `b`."""
    return parameter.kind == "bias" or parameter.name == "b"


@cache
def layout(cell: CellType) -> Layout:
    """Collects a cell's products and parameters, in the order in which the lines use them.

    For `LSTM`, `GRU` and `RNN` these are the parameters of `torch.nn`, blocks in the same order.

    Raises: `GatewiseError` if a family of matrices acts on values of different widths, one block
    has two operands, or the input is used without a matrix.
    """
    expressions = list(_expressions(cell))
    normalized = _normalized(expressions)
    products = _products(cell, expressions, normalized)
    parameters = tuple(_parameters(cell, expressions, products, normalized))
    names = [one.name for one in parameters]
    for name in names:
        if names.count(name) > 1:
            raise GatewiseError(f"{cell.__name__} has two families called {name!r}; rename one")
    if all(one.per_head for one in parameters):
        raise GatewiseError(
            f"{cell.__name__} has no parameter with a number for each unit; give it one, such as W.u @ x"
        )
    return Layout(products, normalized, parameters)


def bias_name(product: Product) -> str | None:
    """The parameter of the bias that a product adds, unless a normalizer shifts it; None if it adds none."""
    if product.family in TORCH_NAMES:
        return TORCH_NAMES[product.family][1]
    return f"bias_{product.family}" if product.per_head else None


def added_to(cell: CellType, line: str) -> list[tuple[str, str]]:
    """The biases inside a line, each by its parameter and block; a normalizer's shift counts as one.

    >>> from gatewise.cells import LSTM
    >>> added_to(LSTM, "f")
    [('bias_ih', 'f'), ('bias_hh', 'f')]
    """
    shifted: set[Expression] = set()
    found = []
    for one in inside(cell.lines[line]):
        match one:
            case Normalized(group=group, operand=operand):
                shifted.add(operand)
                values = layout(cell).normalized[group]
                place = next(k for k, value in enumerate(values) if _structure(value) == _structure(one))
                found.append((f"shift_{group}", _names_of(values)[place]))
            case Product(block=block) if one not in shifted and (bias := bias_name(one)):
                found.append((bias, block))
            case Vector(family="b", block=block):
                found.append(("b", block))
    return found


def _expressions(cell: CellType) -> Iterator[Expression]:
    """Every expression of every line, each before its operands."""
    for line in cell.lines.values():
        yield from inside(line)


def _normalized(expressions: list[Expression]) -> dict[str, tuple[Normalized, ...]]:
    groups: dict[str, dict[str, Normalized]] = {}
    for one in expressions:
        if isinstance(one, Normalized):
            groups.setdefault(one.group, {}).setdefault(_structure(one), one)
    return {name: tuple(group.values()) for name, group in groups.items()}


def _products(
    cell: CellType, expressions: list[Expression], normalized: dict[str, tuple[Normalized, ...]]
) -> tuple[ProductGroup, ...]:
    shifted = {_structure(value.operand) for group in normalized.values() for value in group}
    groups: dict[tuple[str, str, bool, bool], list[str]] = {}
    operands: dict[str, Expression] = {}
    for one in expressions:
        if any(isinstance(operand, Input) for operand in one.operands) and not isinstance(one, Product):
            raise GatewiseError(f"{cell.__name__} uses x by itself; multiply it by a matrix: W.k @ x")
        if isinstance(one, Normalized) and isinstance(one.operand, Product) and one.operand.per_head:
            raise GatewiseError(
                f"{cell.__name__} normalizes {one.operand!r}, which has one value for each head"
            )
        if isinstance(one, Product):
            if one.per_head and not isinstance(one.operand, Input):
                raise GatewiseError(
                    f"{cell.__name__} multiplies {one.operand!r} by {one.family}, whose matrices have a row "
                    "for each head and multiply x alone"
                )
            biased = bool(bias_name(one)) and _structure(one) not in shifted  # a normalizer shifts
            key = _structure(one.operand)
            operands.setdefault(key, one.operand)
            blocks = groups.setdefault((one.family, key, biased, one.per_head), [])
            if one.block not in blocks:
                blocks.append(one.block)
    found = tuple(
        ProductGroup(family, operands[key], tuple(blocks), biased, per_head)
        for (family, key, biased, per_head), blocks in groups.items()
    )
    seen = [(group.family, block) for group in found for block in group.blocks]
    for family, block in seen:
        if seen.count((family, block)) > 1:
            raise GatewiseError(f"{cell.__name__} multiplies {family}.{block} with two values; name it twice")
    return found


def _parameters(
    cell: CellType,
    expressions: list[Expression],
    products: tuple[ProductGroup, ...],
    normalized: dict[str, tuple[Normalized, ...]],
) -> Iterator[Parameter]:
    families = dict.fromkeys(group.family for group in products)
    biases = []
    for family in families:
        groups = [group for group in products if group.family == family]
        widths = {_width(cell, group.operand) for group in groups}
        if len(widths) > 1 and "input" in widths:
            raise GatewiseError(
                f"{cell.__name__} multiplies both x and other values by {family}; use W for x alone"
            )
        name, bias = TORCH_NAMES.get(family, (family, f"bias_{family}"))
        width: Width = "hidden" if "hidden" in widths else widths.pop()
        per_head = groups[0].per_head
        if any(group.per_head != per_head for group in groups):
            raise GatewiseError(f"{cell.__name__} has matrices {family} of units and of heads; rename one")
        yield Parameter(name, "matrix", _blocks(groups), width, per_head)
        if any(group.biased for group in groups):
            biased = _blocks([group for group in groups if group.biased])
            biases.append(Parameter(bias, "bias", biased, per_head=per_head))
    yield from biases
    vectors: dict[str, list[str]] = {}
    for one in expressions:
        if isinstance(one, Vector) and one.block not in vectors.setdefault(one.family, []):
            vectors[one.family].append(one.block)
    for family, blocks in vectors.items():
        yield Parameter(family, "vector", tuple(blocks))
    for group, values in normalized.items():
        names = _names_of(values)
        yield Parameter(f"gain_{group}", "gain", names)
        yield Parameter(f"shift_{group}", "shift", names)


def _structure(expression: Expression) -> str:
    """A text that is equal for operands of the same structure."""
    return repr(["line", expression.line] if expression.line else as_list(expression))


def _blocks(groups: list[ProductGroup]) -> tuple[str, ...]:
    return tuple(block for group in groups for block in group.blocks)


def _width(cell: CellType, operand: Expression) -> Width:
    if isinstance(operand, Input):
        return "input"
    return "output" if operand is prev[cell.state[0]] else "hidden"


def _names_of(values: tuple[Normalized, ...]) -> tuple[str, ...]:
    """The name of each value of a normalizer: its product's block or its line, numbered if taken."""
    names: list[str] = []
    for one in (value.operand for value in values):
        name = one.block if isinstance(one, Product) else one.line or "value"
        taken = sum(other == name or other.startswith(f"{name}:") for other in names)
        names.append(f"{name}:{taken + 1}" if taken else name)
    return tuple(names)


def projection_obstacle(cell: CellType) -> str | None:
    """The reason why the cell's output can't be projected to another width, or None.

    >>> from gatewise.cells import GRU, LSTM
    >>> projection_obstacle(LSTM), projection_obstacle(GRU)
    (None, 'its line h reads the last h unit by unit')
    """
    output = cell.state[0]
    for name, line in cell.lines.items():
        for one in inside(line):
            if any(part.line == output for part in one.operands):
                return f"its line {name} reads the new {output}"
            if not isinstance(one, Product) and any(part == prev[output] for part in one.operands):
                return f"its line {name} reads the last {output} unit by unit"
    for family in {group.family for group in layout(cell).products}:
        groups = [group for group in layout(cell).products if group.family == family]
        if len({_width(cell, group.operand) for group in groups}) > 1:
            return f"its matrices {family} multiply both {output} and other values"
    return None
