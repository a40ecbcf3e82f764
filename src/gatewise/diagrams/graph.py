"""The graph of one step: what is drawn as one shape is one node, computed from the values of others.

A sum with matrix products and the function of it are one layer, as in textbooks; a function of a single value
is one node, however it is composed; products and sums of several values are operators.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
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
from gatewise.cells.formula import formula
from gatewise.cells.ranks import is_matrix
from gatewise.cells.traversal import inside
from gatewise.cells.typeset import separate_biases
from gatewise.diagrams.labels import function_name, label, previous_name, variable, with_block
from gatewise.diagrams.sums import biases, is_product, signed_terms

Kind = Literal["input", "previous", "parameter", "layer", "function", "operator"]
SIGNS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "maximum": "max", "minimum": "min",
         "outer": "⊗", "contract": "@", "dot": "·"}  # fmt: skip
SECOND = {"subtract": "−", "divide": "÷", "outer": "⊤"}  # marks of the second operand, where order matters
BETWEEN_UNITS = ("outer", "contract", "dot")
VALUE = "_"  # stands for the value that a function or a port is given


@dataclass(frozen=True, eq=False)
class Pin:
    """Where a value enters a node.

    source: the node whose value it is; None for a bias or a number, which has no wire
    label: what is written there, such as the matrix by which the value is multiplied
    formula: the term as plain text, with `_` for the value; "" for an operand that enters as it is
    bias: whether it is the bias that a product adds by itself
    """

    source: Node | None
    label: str = ""
    formula: str = ""
    bias: bool = False


@dataclass(frozen=True, eq=False)
class Node:
    """A value of the step, drawn as one shape.

    label: what is written in the shape
    formula: of a function or a layer, the function as plain text, with `_` for its argument; of an operator
        its name; of a terminal its value
    line: the name of the value, if it is a line of the cell
    """

    kind: Kind
    label: str
    formula: str
    pins: tuple[Pin, ...] = ()
    line: str | None = None
    matrix: bool = False
    gate: bool = False
    previous: Previous | None = None

    @property
    def sources(self) -> tuple[Node, ...]:
        """The nodes that it reads, in order."""
        return tuple(pin.source for pin in self.pins if pin.source is not None)


@dataclass(frozen=True)
class Graph:
    """One step of a cell.

    states: the node of each new state, by name; the output first
    parameters: the lines that depend on parameters alone, as markup
    """

    states: dict[str, Node]
    parameters: tuple[str, ...]
    nodes: tuple[Node, ...]  # each after those that it reads

    @property
    def carried(self) -> frozenset[str]:
        """The states that the next step reads."""
        return frozenset(one.previous.state for one in self.nodes if one.previous is not None)


def graph(cell: CellType) -> Graph:
    """The graph of a cell's step."""
    builder = _Builder(cell)
    states = {name: builder.node(cell.lines[name]) for name in cell.state}
    constants = [
        f"{variable(name)} = {builder.label(line)}"
        for name, line in cell.lines.items()
        if builder.is_constant(line)
    ]
    return Graph(states, tuple(constants), tuple(builder.nodes.values()))


@dataclass
class _Builder:
    cell: CellType
    nodes: dict[object, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.separate = separate_biases(self.cell)

    def node(self, expression: Expression) -> Node:
        """The node of an expression, always the same for the same expression."""
        expression = self.resolved(expression)
        key = self.key(expression, own=True)
        if key not in self.nodes:
            made = self._made(expression)
            self.nodes[key] = made
        return self.nodes[key]

    def _made(self, expression: Expression) -> Node:
        match expression:
            case Input():
                return Node("input", "x_{t}" if not self.cell.of_lattice else "x_{p}", "x")
            case Factor(name=name):
                return Node("input", name, name)
            case Previous():
                matrix = expression.state in self.cell.matrices
                text = formula(expression)
                return Node("previous", previous_name(expression), text, matrix=matrix, previous=expression)
        if self.is_constant(expression):
            return self._node("parameter", self.label(expression), formula(expression), (), expression)
        core = self._core(expression, own=True)
        assert core is not None
        entered = core.line is None or core is expression
        if entered and self._is_layer(core, plain=core is expression):
            return self._layer(expression, core)
        if core is expression:
            assert isinstance(expression, Operation)
            return self._operator(expression)
        source = self.node(core)
        text = formula(expression, lambda one: VALUE if self._is(one, core) else one.line)
        letter = variable(source.line) if source.line else "·"
        head = self._function(expression, core, letter)
        return self._node("function", head, text, (Pin(source),), expression)

    def _node(self, kind: Kind, shown: str, text: str, pins: tuple[Pin, ...], expression: Expression) -> Node:
        name = expression.line
        matrix = is_matrix(expression, self.cell.matrices, own=True)
        return Node(kind, shown, text, pins, name, matrix, gate=name in self.cell.gates)

    def _operator(self, expression: Operation) -> Node:
        function = expression.function
        marks = ("", SECOND.get(function, ""))
        operands = zip(expression.arguments, marks, strict=False)
        pins = tuple(Pin(self.node(one), mark) for one, mark in operands)
        return self._node("operator", SIGNS[function], function, pins, expression)

    def _layer(self, expression: Expression, total: Expression) -> Node:
        """A sum with products, and the function of it."""
        terms = list(signed_terms(total))
        pins = [self._port(sign, term, term is total or term.line is None) for sign, term in terms]
        own = [(sign, term) for sign, term in terms if term is total or term.line is None]
        if not self._is_normalized(expression, total):
            pins += [Pin(None, text, bias=True) for text in biases(own, self.separate)]
        if total is expression:
            return self._node("layer", "Σ", VALUE, tuple(pins), expression)
        text = formula(expression, lambda one: VALUE if self._is(one, total) else one.line)
        head = self._function(expression, total, "·")
        return self._node("layer", head, text, tuple(pins), expression)

    def _is_normalized(self, expression: Expression, total: Expression) -> bool:
        """Whether the sum is a product that is normalized alone, which has a shift and no bias."""
        return isinstance(total, Product) and any(
            isinstance(one, Normalized) and self._is(one.operand, total) for one in inside(expression)
        )

    def _port(self, sign: str, term: Expression, entered: bool) -> Pin:
        """A term of a sum: a value times its matrix or weight, or as it is. entered: not read by its name"""
        value = self._weighted(term, entered)
        minus = "−" if sign == "-" else ""
        if value is None:
            text = self.label(term)
            return Pin(None, f"{minus}{text}", f"{sign}({formula(term)})")
        if value is term:
            return Pin(self.node(term), minus or "+", f"{sign}{VALUE}")
        text = formula(term, lambda one: VALUE if one is value else one.line)
        match term:
            case Product(family=family, block=block):
                shown = with_block(family, block)
            case Normalized(group=group, operand=Product(family=family, block=block)):
                shown = f"LN_{{{group}}} {with_block(family, block)}"
            case Operation(arguments=(first, second)):
                shown = self._factor(second if first is value else first)
            case _:
                raise TypeError(f"cannot draw a {type(term).__name__} as a term")
        return Pin(self.node(value), f"{minus}{shown}", f"{sign}{text}")

    def _weighted(self, term: Expression, entered: bool) -> Expression | None:
        """What a term multiplies by its matrix or weight; the term itself if by none; None for a constant."""
        if self.is_constant(term):
            return None
        if entered:
            match term:
                case Product(operand=operand) | Normalized(operand=Product(operand=operand, line=None)):
                    return operand
                case Operation(function="multiply", arguments=(Vector() | Constant(), other)):
                    return other
                case Operation(function="multiply", arguments=(other, Vector() | Constant())):
                    return other
        return term

    def _function(self, expression: Expression, core: Expression, letter: str) -> str:
        """The label of a function of one value: its sign if it is a single one, else its formula."""
        match expression:
            case Operation(function="abs", arguments=(only,)) if self._is(only, core):
                return "|·|"
            case Operation(function=name, arguments=(only,)) if self._is(only, core):
                return function_name(name)
            case Operation(function="multiply", arguments=(first, second)):
                if self._is(second, core) and self.is_constant(first):
                    return self._factor(first)
                if self._is(first, core) and self.is_constant(second):
                    return self._factor(second)
            case Operation(function="subtract", arguments=(Constant(value=1.0), second)):
                if self._is(second, core):
                    return "1 −"
            case Normalized(group=group, operand=operand) if self._is(operand, core):
                return f"LN_{{{group}}}"
        return label(self.cell, expression, lambda one: letter if self._is(one, core) else self.symbol(one))

    def symbol(self, expression: Expression) -> str | None:
        """The letter of a line, for a formula that reads it."""
        return None if expression.line is None else variable(expression.line)

    def label(self, expression: Expression) -> str:
        """An expression as markup, with the letters of the lines that it reads."""
        return label(self.cell, expression, self.symbol)

    def _factor(self, constant: Expression) -> str:
        """The label of a multiplication by a constant."""
        text = self.symbol(constant) or self.label(constant)
        match constant:
            case Operation(line=None, function="add" | "subtract" | "negate"):
                text = f"({text})"
        return f"{text} {'×' if isinstance(constant, Constant | KeyScale) else '⊙'}"

    def resolved(self, expression: Expression) -> Expression:
        """The line of a name: a subclass may have replaced the expression of that name."""
        return expression if expression.line is None else self.cell.lines[expression.line]

    def is_constant(self, expression: Expression) -> bool:
        """Whether it depends on parameters and numbers alone."""
        expression = self.resolved(expression)
        if isinstance(expression, Input | Previous | Factor):
            return False
        return all(self.is_constant(one) for one in expression.operands)

    def key(self, expression: Expression, own: bool = False) -> object:
        """Equal for equal expressions. own: whether it is a line itself, and not a value that is read"""
        if expression.line is not None and not own:
            return expression.line
        below = tuple(self.key(one) for one in expression.operands)
        match expression:
            case Operation(function=name):
                return ("operation", name, below, expression.line)
            case Product(family=family, block=block):
                return ("product", family, block, below, expression.line)
            case Normalized(group=group):
                return ("normalized", group, below, expression.line)
            case Previous(state=state, axis=axis):
                return ("previous", state, axis)
            case Vector(family=family, block=block):
                return ("vector", family, block)
            case Constant(value=value):
                return ("constant", value)
            case Factor(name=name):
                return ("factor", name)
            case Input() | KeyScale():
                return type(expression).__name__
        raise TypeError(f"cannot draw a {type(expression).__name__}")

    def _is(self, expression: Expression, other: Expression) -> bool:
        return self.key(expression) == self.key(other)

    def _core(self, expression: Expression, own: bool = False) -> Expression | None:
        """The single value of which an expression is a function: itself, if it combines several.

        None for a constant. own: whether the expression is entered although it has a name
        """
        if self.is_constant(expression):
            return None
        if expression.line is not None and not own:
            return self.resolved(expression)
        match expression:
            case Operation(function=name) if name not in BETWEEN_UNITS:
                pass
            case Normalized():
                pass
            case _:
                return expression
        if self._is_layer(expression, plain=own):
            return expression
        cores = [core for one in expression.operands if (core := self._core(one)) is not None]
        different = {self.key(core): core for core in cores}
        return cores[0] if len(different) == 1 else expression

    def _is_layer(self, total: Expression, plain: bool) -> bool:
        """Whether it is a sum with products. plain: without a function, when all terms must be such"""
        if isinstance(total, Normalized):
            return False
        terms = [term for _, term in signed_terms(total)]
        products = [is_product(term) and (term is total or term.line is None) for term in terms]
        if plain:
            return any(products) and all(
                product or self.is_constant(term) for product, term in zip(products, terms, strict=True)
            )
        return any(products)
