"""The equations of one step on tensors: in plain PyTorch, differentiable any number of times."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
    NORMALIZE_EPSILON,
    Constant,
    Expression,
    Factor,
    Input,
    KeyScale,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.notation import elapsed, prev
from gatewise.cells.ranks import is_matrix
from gatewise.cells.traversal import contains
from gatewise.compiler.layout import TORCH_NAMES, Layout, Parameter, ProductGroup, layout
from gatewise.compiler.program import PROJECTION
from gatewise.engine import int8
from gatewise.engine.request import Request


def _compared(
    function: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[Tensor | float, Tensor | float], Tensor]:
    """A function of two tensors that also takes a number for one of them; it is symmetric."""

    def compared(first: Tensor | float, second: Tensor | float) -> Tensor:
        value, bound = (first, second) if isinstance(first, Tensor) else (second, first)
        value = torch.as_tensor(value)
        return function(value, bound if isinstance(bound, Tensor) else value.new_full((), bound))

    return compared


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": functional.softplus,
    "log_sigmoid": functional.logsigmoid,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "fraction": lambda value: value - value.detach().floor(),
    "abs": torch.abs,
    "maximum": _compared(torch.maximum),
    "minimum": _compared(torch.minimum),
}


def _keys(values: Tensor, keys: int) -> Tensor:
    """[..., H] -> [..., H, K]: for each unit, the values of its head."""
    return values.unflatten(-1, (-1, keys)).repeat_interleave(keys, dim=-2)


def _dot(first: Tensor, second: Tensor, keys: int) -> Tensor:
    """[..., H], [..., H] -> [..., H]: for each unit, the dot product of its head."""
    return (first * second).unflatten(-1, (-1, keys)).sum(-1).repeat_interleave(keys, dim=-1)


BY_HEAD: dict[str, Callable[..., Tensor]] = {
    "outer": lambda units, values, keys: units.unsqueeze(-1) * _keys(values, keys),
    "contract": lambda matrix, values, keys: (matrix * _keys(values, keys)).sum(-1),
    "dot": _dot,
    "keys": _keys,
}


StepValues = dict[Any, Any]  # by a line's name, a previous state, a product's family and block
Formula = Callable[[StepValues], Any]
Clamps = Mapping[str, Tensor | float]
NO_CLAMPS: Clamps = {}


def _value_of(key: Any) -> Formula:
    """The formula that looks a value up, as `operator.itemgetter`, which the compiler can't follow."""
    return lambda values: values[key]


class CellStep:
    """One step of a request's cell.

    A call takes the products of the input by family and block, and the states before by name, [..., B, H];
    it returns every line.

    clamps: fixed values of lines by name, [H] or a number; a unit whose value is NaN is not clamped
    """

    cell: CellType
    heads: int
    matrices: frozenset[str]
    layout: Layout
    parameters: Mapping[str, Tensor]
    products: dict[ProductGroup, Callable[[Tensor], Tensor]]
    projection: Callable[[Tensor], Tensor]
    hidden_mask: Tensor | None
    elapsed: Tensor | None
    vectors: dict[tuple[str, str], Tensor]
    masked: set[ProductGroup]
    lines: dict[str, Formula]

    by_head: ClassVar[dict[str, Callable[..., Tensor]]] = BY_HEAD  # functions between the units of a head

    def __init__(self, request: Request, clamps: Clamps = NO_CLAMPS) -> None:
        request = request.dense() if request.is_int8 else request  # which rounds whole rows of activations
        self.cell, self.heads = request.cell, request.heads
        self.matrices = request.cell.matrices
        self.layout = layout(request.cell)
        self.parameters = request.parameters
        self.hidden_mask = request.hidden_mask
        self.elapsed = request.elapsed_by_unit() if request.cell.reads_elapsed else None
        self.products = {
            group: _linear(
                *_rows(self.layout, group, request), 1 if isinstance(group.operand, Input) else request.heads
            )
            for group in self.layout.products
        }
        if PROJECTION in self.parameters:
            scales = self.parameters.get(int8.scale_name(PROJECTION))
            self.projection = _linear(self.parameters[PROJECTION], scales, None)
        self.vectors = {key: self.of_units(one) for key, one in _vectors(self.layout, request)}
        self.masked = {group for group in self.layout.products if _reads_output(group, request.cell)}
        self.lines = {name: self._formula(line) for name, line in request.cell.lines.items()}
        for name, value in clamps.items():
            self.lines[name] = _clamped(self.lines[name], value)

    def input_products(self, inputs: Tensor, rows: list[int] | None = None) -> list[StepValues]:
        """The products of all inputs at once, split by step; rows: the number of rows of each step"""
        steps: list[StepValues] = [{} for _ in (inputs if rows is None else rows)]
        if self.elapsed is not None:
            for values, own in zip(steps, self.elapsed, strict=True):
                values[elapsed] = own
        for group in self.layout.products:
            if isinstance(group.operand, Input):
                products = self._product(group, inputs)
                for values, product in zip(
                    steps, products if rows is None else products.split(rows), strict=True
                ):
                    values.update(by_block(group, product))
        return steps

    def of_inputs(self, inputs: Tensor) -> StepValues:
        """The products of the inputs of all steps, by family and block."""
        values: StepValues = {} if self.elapsed is None else {elapsed: self.of_units(self.elapsed)}
        for group in self.layout.products:
            if isinstance(group.operand, Input):
                values.update(self._blocks(group, inputs))
        return values

    def value(self, expression: Expression, values: StepValues) -> Any:
        """The value of an expression, from those of the lines that it reads."""
        return self._read(expression)(values)

    def __call__(self, input_products: StepValues, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        values = self.values(input_products, state)
        return {name: values[name] for name in self.lines}

    def values(self, input_products: StepValues, state: Mapping[str, Tensor]) -> StepValues:
        """All values of a step: lines, products by family and block, normalized values."""
        before = {one: state[name] for name, one in self.cell.previous.items()}
        values: StepValues = {**input_products, **before}
        for name, formula in self.lines.items():
            values[name] = formula(values)
            if name == self.cell.state[0] and PROJECTION in self.parameters:
                values[name] = self.projection(values[name])
        return values

    def _read(self, expression: Expression) -> Formula:
        """An operand's formula: the line's value if it is a line, else its own."""
        return _value_of(expression.line) if expression.line else self._formula(expression)

    def _formula(self, expression: Expression) -> Formula:
        match expression:
            case Operation(function=name, arguments=arguments) if name in BY_HEAD:
                return self._by_head(expression, name, [self._read(one) for one in arguments])
            case Operation(function=name, arguments=arguments):
                operands = [self._read(one) for one in arguments]
                if self.matrices and is_matrix(expression, self.matrices, own=True):
                    operands = [self._as_rows(*pair) for pair in zip(arguments, operands, strict=True)]
                return self._operation(FUNCTIONS[name], operands)
            case Factor():
                return _value_of(expression)
            case KeyScale():
                return lambda values: self.keys**-0.5
            case Product(family=family, block=block):
                return self._product_formula(family, block)
            case Normalized(group=group):
                return self._normalized_formula(group, expression)
            case Previous():
                return _value_of(expression)
            case Vector(family=family, block=block):
                weight = self.vectors[family, block]
                return lambda values: weight
            case Constant(value=number):
                return lambda values: number
        raise TypeError(f"{self.cell.__name__} holds {expression}, which has no value of its own")

    @property
    def units(self) -> int:
        """H, from the parameters."""
        sizing = self.layout.sizing
        return len(self.parameters[sizing.name]) // len(sizing.blocks)

    @property
    def keys(self) -> int:
        """K, the units of a head."""
        return self.units // self.heads

    def _as_rows(self, expression: Expression, formula: Formula) -> Formula:
        """A vector beside matrices: each number is that of a row."""
        if isinstance(expression, Constant | KeyScale) or is_matrix(expression, self.matrices):
            return formula
        return lambda values: formula(values).unsqueeze(-1)

    def _by_head(self, expression: Expression, name: str, operands: list[Formula]) -> Formula:
        """A function between the units of a head; `values` may have the result of a contraction."""
        function = self.by_head[name]

        def formula(values: StepValues) -> Tensor:
            if expression in values:
                return cast(Tensor, values[expression])
            return function(*(operand(values) for operand in operands), keys=self.keys)

        return formula

    @staticmethod
    def _operation(function: Callable[..., Any], operands: list[Formula]) -> Formula:
        if len(operands) == 1:
            (only,) = operands
            return lambda values: function(only(values))
        first, second = operands
        return lambda values: function(first(values), second(values))

    def _product_formula(self, family: str, block: str) -> Formula:
        group = next(g for g in self.layout.products if g.family == family and block in g.blocks)
        if isinstance(group.operand, Input):
            return _value_of((family, block))
        operand = self._read(group.operand)

        def formula(values: StepValues) -> Tensor:
            if (family, block) not in values:
                values.update(self._blocks(group, operand(values)))
            return cast(Tensor, values[family, block])

        return formula

    def _normalized_formula(self, group: str, expression: Expression) -> Formula:
        together = self.layout.normalized[group]
        operands = [self._read(one.operand) for one in together]
        gain, shift = self.parameters[f"gain_{group}"], self.parameters[f"shift_{group}"]

        def formula(values: StepValues) -> Tensor:
            if expression not in values:
                whole = torch.cat([self.flat(operand(values)) for operand in operands], dim=-1)
                whole = functional.layer_norm(whole, whole.shape[-1:], gain, shift, NORMALIZE_EPSILON)
                each = [self.of_units(one) for one in whole.chunk(len(together), dim=-1)]
                values.update(zip(together, each, strict=True))
            return cast(Tensor, values[expression])

        return formula

    def of_units(self, values: Tensor) -> Tensor:
        """[..., H] in the form of the values of a step."""
        return values

    def flat(self, values: Tensor) -> Tensor:
        """Values of a step as [..., H]."""
        return values

    def _blocks(self, group: ProductGroup, operand: Tensor) -> StepValues:
        """The products of a group, by family and block."""
        return by_block(group, self._product(group, operand))

    def _product(self, group: ProductGroup, operand: Tensor) -> Tensor:
        """[..., blocks * H]: one product for all blocks of a group."""
        if self.hidden_mask is not None and group in self.masked:
            operand = operand * self.hidden_mask
        product = self.products[group](operand)
        return product.repeat_interleave(self.keys, dim=-1) if group.per_head else product


def _clamped(formula: Formula, value: Tensor | float) -> Formula:
    def clamped(values: StepValues) -> Tensor:
        own = formula(values)
        given = torch.as_tensor(value).to(own)
        return torch.where(given.isnan(), own, given)

    return clamped


def _linear(
    matrix: Tensor, scales: Tensor | None, bias: Tensor | None, heads: int = 1
) -> Callable[[Tensor], Tensor]:
    """The product with a matrix, as a function.

    scales: of its rows if it is int8; heads: the number of groups of units that it multiplies each by itself
    """
    if heads > 1:
        blocks = matrix.unflatten(0, (-1, heads, matrix.shape[1]))

        def by_heads(values: Tensor) -> Tensor:
            product = torch.einsum("...hk,bhuk->...bhu", values.unflatten(-1, (heads, -1)), blocks)
            return product.flatten(-3) if bias is None else product.flatten(-3) + bias

        return by_heads
    if scales is None:
        return lambda values: functional.linear(values, matrix, bias)
    whole = matrix.double()
    return lambda values: int8.linear(values, whole, scales, bias)


def _rows(
    layout: Layout, group: ProductGroup, request: Request
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """A group's own rows of its family's matrix, of the scales if it is int8, and of its bias."""

    def rows(parameter: Parameter, name: str) -> Tensor:
        whole = request.parameters[name]
        units = len(whole) // len(parameter.blocks)
        first = parameter.blocks.index(group.blocks[0])
        return _no_view(whole[first * units : (first + len(group.blocks)) * units])

    matrix, bias = TORCH_NAMES.get(group.family, (group.family, f"bias_{group.family}"))
    known = {parameter.name: parameter for parameter in layout.parameters}
    scales, has_bias = int8.scale_name(matrix), group.biased and bias in request.parameters
    return (
        rows(known[matrix], matrix),
        rows(known[matrix], scales) if scales in request.parameters else None,
        rows(known[str(bias)], str(bias)) if has_bias else None,
    )


def _vectors(layout: Layout, request: Request) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """Each vector for the whole batch, [B, H]; `b` is zero in a layer without biases."""
    first, batch = layout.sizing, request.inputs.shape[-2]
    units = len(request.parameters[first.name]) // len(first.blocks)
    for parameter in layout.parameters:
        if parameter.kind == "vector":
            zeros = request.inputs.new_zeros(len(parameter.blocks) * units)
            blocks = request.parameters.get(parameter.name, zeros).chunk(len(parameter.blocks))
            for block, values in zip(parameter.blocks, blocks, strict=True):
                yield (parameter.name, block), _no_view(values.expand(batch, -1))


def _no_view(values: Tensor) -> Tensor:
    """The values in memory of their own while a graph is recorded, whose loops may read no views."""
    return values.clone() if torch.compiler.is_compiling() else values


def _reads_output(group: ProductGroup, cell: CellType) -> bool:
    """Whether a product sees the output of the step before, which variational dropout masks."""
    return contains(group.operand, prev[cell.state[0]])


def by_block(group: ProductGroup, product: Tensor) -> StepValues:
    blocks = product.chunk(len(group.blocks), dim=-1)
    return {(group.family, block): value for block, value in zip(group.blocks, blocks, strict=True)}
