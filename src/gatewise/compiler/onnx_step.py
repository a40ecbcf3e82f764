"""Prints the equations of a cell as nodes of ONNX: the body of a `Scan`, and what it reads.

A node is data; `gatewise.shipping.onnx` makes a graph of nodes, so that nothing here needs the library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.ranks import is_matrix
from gatewise.cells.traversal import inside
from gatewise.compiler.layout import TORCH_NAMES, ProductGroup, layout
from gatewise.compiler.onnx_functions import FUNCTIONS
from gatewise.compiler.program import PROJECTION

Section = Literal["prepared", "of_inputs", "step"]
INPUT, ELAPSED, INSIDE, RESETS = "x", "elapsed", "inside", "resets"


@dataclass(frozen=True)
class Node:
    """An operator of ONNX, with its values by name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerOptions:
    """What a layer adds to the equations of its cell.

    units: H; heads: the groups of units; parameters: the names of those it has
    zoneout: the fraction of the old value of each state that is kept
    timed, ended, reset: whether values `elapsed` [T, B, 1], `inside` and `resets`, bool, are given
    """

    units: int
    heads: int
    parameters: tuple[str, ...]
    zoneout: Mapping[str, float]
    timed: bool = False
    ended: bool = False
    reset: bool = False


@dataclass
class StepGraph:
    """The nodes of a layer.

    prepared: compute weights from the parameters; of_inputs: all that only the input "x" [T, B, I] affects;
    step: the body of the scan, from the `previous` states and the `scanned` values of the step
    scanned: the value of all steps, by the name of that of the step
    states, output: what the step computes, by name; constants: numbers, int64 where all are whole
    """

    prepared: list[Node] = field(default_factory=list)
    of_inputs: list[Node] = field(default_factory=list)
    step: list[Node] = field(default_factory=list)
    constants: dict[str, float | tuple[int, ...]] = field(default_factory=dict)
    scanned: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    output: str = ""


def step_graph(cell: CellType, options: LayerOptions) -> StepGraph:
    """The nodes of a cell of sequences.

    >>> from gatewise.cells import RNN
    >>> names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    >>> [one.operator for one in step_graph(RNN, LayerOptions(4, 1, names, {})).step]
    ['MatMul', 'Add', 'Add', 'Tanh', 'Identity', 'Identity']
    """
    return StepPrinter(cell, options).graph


def previous(name: str) -> str:
    """The value of a state before the step, [B, H]."""
    return f"previous.{name}"


class StepPrinter:
    """Prints a cell; `graph` is the result."""

    cell: CellType
    options: LayerOptions
    graph: StepGraph
    keys: int
    before: dict[str, str]
    names: dict[Previous, str]

    def __init__(self, cell: CellType, options: LayerOptions) -> None:
        self.cell, self.options, self.graph = cell, options, StepGraph()
        self.layout, self.keys = layout(cell), options.units // options.heads
        self.before = {name: previous(name) for name in cell.previous}
        self.names = {one: name for name, one in cell.previous.items()}
        self.known: dict[Any, str] = {}  # products by family and block, normalized values, weights
        self.lines: dict[str, str] = {}
        if options.timed:
            self._scan(ELAPSED, ELAPSED)
        for group in self.layout.products:
            if isinstance(group.operand, Input):
                self._of_input(group)
        self._print_step()

    def _print_step(self) -> None:
        ended, reset = (self._scanned(name) for name in (INSIDE, RESETS))
        if reset:
            for name in self.cell.state:
                given = self._beside(reset, name)
                self.before[name] = self._node("Where", given, self._number(0.0), previous(name))
        for name, line in self.cell.lines.items():
            self.lines[name] = self._whole(self._print(line), line)
            if name == self.cell.state[0] and PROJECTION in self.options.parameters:
                self.lines[name] = self._node("MatMul", self.lines[name], self._transposed(PROJECTION))
        for name in self.cell.state:
            value = self.lines[name]
            if self.options.zoneout.get(name):
                value = self._zoned(value, name, self.options.zoneout[name])
            if ended:
                value = self._node("Where", self._beside(ended, name), value, self.before[name])
            self.graph.states[name] = self._node("Identity", value)
            if name == self.cell.state[0]:
                shown = self._node("Where", ended, value, self._number(0.0)) if ended else value
                self.graph.output = self._node("Identity", shown)

    def _scanned(self, name: str) -> str:
        """The value of the step of an optional input of the layer; empty if it is not given."""
        given = self.options.ended if name == INSIDE else self.options.reset
        return self._scan(name, name) if given else ""

    def _scan(self, whole: str, name: str) -> str:
        step = f"step.{name}"
        self.graph.scanned[step] = whole
        return step

    def _beside(self, rows: str, state: str) -> str:
        """[B, 1] for a state [B, H] or [B, H, K]."""
        return self._column(rows) if state in self.cell.matrix_states else rows

    def _zoned(self, value: str, state: str, kept: float) -> str:
        old = self._node("Mul", self._number(kept), self.before[state])
        return self._node("Add", old, self._node("Mul", self._number(1 - kept), value))

    def _whole(self, value: str, line: Expression) -> str:
        """A line of parameters alone has a row for each sequence, too."""
        if any(isinstance(one, Input | Previous | Factor | Product) for one in inside(line)):
            return value
        if any(one.line is not None for part in inside(line) for one in part.operands):
            return value
        return self._node("Expand", value, self._node("Shape", previous(list(self.before)[-1])))

    # Expressions

    def _print(self, expression: Expression) -> str:
        """The value of an expression."""
        match expression:
            case Operation(function=name, arguments=arguments) if name in BY_HEAD:
                return self._by_head(name, [self._read(one) for one in arguments])
            case Operation(function=name, arguments=arguments):
                return self._elementwise(name, self._operands(expression, arguments))
            case Factor():
                return f"step.{ELAPSED}"
            case KeyScale():
                return self._number(self.keys**-0.5)
            case Product(family=family, block=block):
                return self._product(family, block)
            case Normalized(group=group):
                return self._normalized(group, expression)
            case Previous():
                return self.before[self.names[expression]]
            case Vector(family=family, block=block):
                return self._vector(family, block)
            case Constant(value=number):
                return self._number(number)
        raise TypeError(f"{self.cell.__name__} holds {expression}, which has no value of its own")

    def _read(self, expression: Expression) -> str:
        return self.lines[expression.line] if expression.line else self._print(expression)

    def _operands(self, expression: Expression, arguments: Sequence[Expression]) -> list[str]:
        """The operands; beside a matrix, each number of a vector is that of a row."""
        values, matrices = [self._read(one) for one in arguments], self.cell.matrices
        if not is_matrix(expression, matrices, own=True):
            return values
        return [
            value if isinstance(one, Constant | KeyScale) or is_matrix(one, matrices) else self._column(value)
            for one, value in zip(arguments, values, strict=True)
        ]

    def _elementwise(self, function: str, operands: list[str]) -> str:
        first, *others = FUNCTIONS[function]
        value = self._node(first, *operands)
        for operator in others:
            value = self._node(operator, value)
        return self._node("Sub", operands[0], value) if function == "fraction" else value

    def _by_head(self, function: str, operands: list[str]) -> str:
        """A function between the units of a head."""
        if function == "keys":
            return self._by_key(operands[0])
        first, second = operands
        if function == "outer":
            return self._node("Mul", self._column(first), self._by_key(second))
        if function == "contract":
            product = self._node("Mul", first, self._by_key(second))
            return self._node("ReduceSum", product, self._whole_numbers(-1), keepdims=0)
        product = self._node("Mul", first, second)
        by_head = self._node("Reshape", product, self._whole_numbers(0, self.options.heads, self.keys))
        total = self._node("ReduceSum", by_head, self._whole_numbers(-1), keepdims=1)
        spread = self._node("Expand", total, self._whole_numbers(1, self.options.heads, self.keys))
        return self._node("Reshape", spread, self._whole_numbers(0, self.options.units))

    def _by_key(self, values: str) -> str:
        """[B, H] -> [B, H, K]: for each unit, the values of its head."""
        heads, keys = self.options.heads, self.keys
        rows = self._node("Reshape", values, self._whole_numbers(0, heads, 1, keys))
        spread = self._node("Expand", rows, self._whole_numbers(1, heads, keys, keys))
        return self._node("Reshape", spread, self._whole_numbers(0, self.options.units, keys))

    def _column(self, value: str) -> str:
        return self._node("Unsqueeze", value, self._whole_numbers(-1))

    def _normalized(self, group: str, expression: Expression) -> str:
        together = self.layout.normalized[group]
        if expression not in self.known:
            operands = [self._read(one.operand) for one in together]
            whole = self._node("Concat", *operands, axis=-1) if len(operands) > 1 else operands[0]
            scaled = self._node(
                "LayerNormalization", whole, f"gain_{group}", f"shift_{group}",
                axis=-1, epsilon=NORMALIZE_EPSILON,
            )  # fmt: skip
            parts = self._split("step", scaled, len(together))
            self.known.update(zip(together, parts, strict=True))
        return self.known[expression]

    # Products and weights

    def _of_input(self, group: ProductGroup) -> None:
        """The product of the inputs of all steps, scanned."""
        value = self._biased("of_inputs", self._matmul("of_inputs", INPUT, self._matrix(group)), group)
        if group.per_head:  # all units of a head have its value
            value = self._node("Reshape", value, self._whole_numbers(0, 0, -1, 1), section="of_inputs")
            value = self._node("Expand", value, self._whole_numbers(1, 1, 1, self.keys), section="of_inputs")
            value = self._node("Reshape", value, self._whole_numbers(0, 0, -1), section="of_inputs")
        step = self._scan(value, value)
        parts = self._split("step", step, len(group.blocks))
        self.known.update(
            {(group.family, block): one for block, one in zip(group.blocks, parts, strict=True)}
        )

    def _product(self, family: str, block: str) -> str:
        if (family, block) not in self.known:
            group = next(g for g in self.layout.products if g.family == family and block in g.blocks)
            value = self._read(group.operand)
            product = self._by_blocks(value, group) if self.options.heads > 1 else self._dense(value, group)
            parts = self._split("step", self._biased("step", product, group), len(group.blocks))
            self.known.update({(family, own): one for own, one in zip(group.blocks, parts, strict=True)})
        return self.known[family, block]

    def _dense(self, value: str, group: ProductGroup) -> str:
        return self._matmul("step", value, self._matrix(group))

    def _by_blocks(self, value: str, group: ProductGroup) -> str:
        """The product with a block-diagonal matrix: each head with its own block."""
        heads, keys, blocks = self.options.heads, self.keys, len(group.blocks)
        rows = self._rows(*self._names(group)[:1], group)
        matrix = self._node(
            "Reshape", rows, self._whole_numbers(blocks, heads, keys, keys), section="prepared"
        )
        matrix = self._node("Transpose", matrix, section="prepared", perm=(1, 3, 0, 2))
        matrix = self._node(
            "Reshape", matrix, self._whole_numbers(heads, keys, blocks * keys), section="prepared"
        )
        given = self._node("Reshape", value, self._whole_numbers(0, heads, 1, keys))
        product = self._node("MatMul", given, matrix)  # [B, heads, 1, blocks * K]
        product = self._node("Reshape", product, self._whole_numbers(0, heads, blocks, keys))
        product = self._node("Transpose", product, perm=(0, 2, 1, 3))
        return self._node("Reshape", product, self._whole_numbers(0, -1))

    def _matmul(self, section: Section, value: str, matrix: str) -> str:
        return self._node("MatMul", value, matrix, section=section)

    def _biased(self, section: Section, product: str, group: ProductGroup) -> str:
        bias = self._names(group)[1]
        if not group.biased or bias not in self.options.parameters:
            return product
        return self._node("Add", product, self._rows(bias, group), section=section)

    @staticmethod
    def _names(group: ProductGroup) -> tuple[str, str]:
        return TORCH_NAMES.get(group.family, (group.family, f"bias_{group.family}"))

    def _matrix(self, group: ProductGroup) -> str:
        rows = self._rows(self._names(group)[0], group)
        return self._node("Transpose", rows, section="prepared", perm=(1, 0))

    def _transposed(self, parameter: str) -> str:
        return self._node("Transpose", parameter, section="prepared", perm=(1, 0))

    def _rows(self, name: str, group: ProductGroup) -> str:
        """The rows of a group in a parameter."""
        return self._blocks(name, group.blocks[0], len(group.blocks))

    def _vector(self, family: str, block: str) -> str:
        if family not in self.options.parameters:  # of a layer without biases
            shape = self._whole_numbers(self.options.units)
            return self._node("Expand", self._number(0.0), shape, section="prepared")
        return self._blocks(family, block, 1)

    def _blocks(self, name: str, first: str, count: int) -> str:
        """Some successive blocks of a parameter."""
        parameter = next(one for one in self.layout.parameters if one.name == name)
        if count == len(parameter.blocks):
            return name
        if (name, first, count) not in self.known:
            rows = self.options.heads if parameter.per_head else self.options.units
            start = parameter.blocks.index(first) * rows
            places = [self._whole_numbers(one) for one in (start, start + count * rows, 0)]
            self.known[name, first, count] = self._node("Slice", name, *places, section="prepared")
        return self.known[name, first, count]

    # Nodes

    def _split(self, section: Section, value: str, count: int) -> list[str]:
        if count == 1:
            return [value]
        outputs = tuple(f"{section}.{self._next()}.{number}" for number in range(count))
        self._add(section, Node("Split", (value,), outputs, {"axis": -1, "num_outputs": count}))
        return list(outputs)

    def _node(self, operator: str, *inputs: str, section: Section = "step", **attributes: Any) -> str:
        output = f"{section}.{self._next()}"
        self._add(section, Node(operator, inputs, (output,), attributes))
        return output

    def _next(self) -> int:
        return len(self.graph.prepared) + len(self.graph.of_inputs) + len(self.graph.step)

    def _add(self, section: Section, node: Node) -> None:
        getattr(self.graph, section).append(node)

    def _number(self, value: float) -> str:
        self.graph.constants[f"number.{value!r}"] = float(value)
        return f"number.{value!r}"

    def _whole_numbers(self, *values: int) -> str:
        name = "whole." + ".".join(map(str, values))
        self.graph.constants[name] = values
        return name
