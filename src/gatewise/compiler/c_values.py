"""The values of a cell's lines as C expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
    ELAPSED,
    Constant,
    Expression,
    Factor,
    KeyScale,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.limits import CPP_KEYWORDS
from gatewise.cells.printer import Binding, Operator
from gatewise.compiler.c_runtime import RUNTIME, literal
from gatewise.compiler.c_schedule import Schedule, is_product
from gatewise.compiler.layout import Parameter, ProductGroup, layout
from gatewise.compiler.program import PROJECTION

SUM, PRODUCT, MATRIX_PRODUCT, ATOM = Binding
OPERATORS = {
    "add": Operator("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": Operator("{} - {}", SUM, (SUM, PRODUCT)),
    "multiply": Operator("{} * {}", PRODUCT, (PRODUCT, MATRIX_PRODUCT)),
    "divide": Operator("{} / {}", PRODUCT, (PRODUCT, MATRIX_PRODUCT)),
    "negate": Operator("-{}", MATRIX_PRODUCT, (ATOM,)),
}
FUNCTIONS = {
    "maximum": "maximum", "minimum": "minimum", "sigmoid": "sigmoid", "tanh": "tanhf", "relu": "relu",
    "softplus": "softplus", "log_sigmoid": "log_sigmoid", "exp": "expf", "log": "logf", "sqrt": "sqrtf",
    "sin": "sinf", "cos": "cosf", "fraction": "fraction", "abs": "fabsf",
}  # fmt: skip
OWN_WORDS = frozenset(("x", "memory", "elapsed", "unit", "key", "head", "first", "rounded", *RUNTIME))


@dataclass(frozen=True)
class Weights:
    """The constant array of a parameter, or of an int8 matrix with the array of its rows' scales."""

    name: str
    scales: str | None = None


@dataclass(frozen=True)
class LayerSizes:
    """The sizes of a layer: I, H, the width of its output, and the number of heads."""

    inputs: int
    units: int
    outputs: int
    heads: int = 1

    @property
    def keys(self) -> int:
        """K, the units of a head."""
        return self.units // self.heads

    def columns(self, parameter: Parameter) -> int:
        """The columns of a matrix."""
        return parameter.shape(self.inputs, self.units, self.outputs, self.heads)[1]


@dataclass(frozen=True)
class Place:
    """Where an expression is evaluated: the index of its unit, that of its key in a matrix.

    local: whether lines of the same pass are variables of the loop
    """

    unit: str = "unit"
    key: str | None = None
    local: bool = True


HERE = Place()


class Values:
    """Lines as C: variables of a loop over the units, or elements of arrays."""

    cell: CellType
    plan: Schedule
    sizes: LayerSizes
    weights: Mapping[str, Weights]
    kept: Mapping[str, float]
    products: dict[ProductGroup, str]
    dots: dict[Expression, str]
    names: dict[str, str]
    memory: int

    def __init__(
        self,
        cell: CellType,
        plan: Schedule,
        sizes: LayerSizes,
        weights: Mapping[str, Weights],
        kept: Mapping[str, float],
    ) -> None:
        self.cell, self.plan, self.sizes, self.weights, self.kept = cell, plan, sizes, weights, kept
        self.layout = layout(cell)
        self.products = {group: f"product_{k}" for k, group in enumerate(plan.products)}
        self.dots = {one: f"dot_{k}" for k, one in enumerate(plan.dots)}
        arrays = {name for one in weights.values() for name in (one.name, one.scales) if name}
        self.names = _c_names(plan, arrays | {*self.products.values(), *self.dots.values()})
        self.arrays: dict[str, int] = {}  # the position of each array in the memory
        self.memory = 0
        self.calls: set[str] = set()
        self.before: list[str] = []  # the statements that the last expression needs before it
        self.current = 0  # the pass
        self._numbers = count()

    def array(self, name: str, size: int) -> str:
        """Memory for an array, the same at each call."""
        if name not in self.arrays:
            self.arrays[name] = self.memory
            self.memory += size
        return name

    def width(self, line: str) -> int:
        """The number of units of a line: H, or P if it is projected."""
        output = self.cell.state[0]
        projected = (self.plan.states[output], f"_projected_{output}")
        return self.sizes.outputs if PROJECTION in self.weights and line in projected else self.sizes.units

    def size(self, line: str) -> int:
        """The number of values of a line."""
        return self.width(line) * (self.sizes.keys if line in self.plan.matrices else 1)

    def rows_of(self, group: ProductGroup) -> int:
        """The rows of a block of a matrix."""
        if group.family == PROJECTION:
            return self.sizes.outputs
        return self.sizes.heads if group.per_head else self.sizes.units

    def state(self, line: str) -> str | None:
        """The state that a line is the new value of."""
        return next((state for state, own in self.plan.states.items() if own == line), None)

    def new(self, state: str) -> str:
        """The array of a state's new value, which is not its own while its last value is needed."""
        if state not in self.plan.replaced:
            return self.names[state]
        return self.array(f"{self.names[state]}_after", self.size(self.plan.states[state]))

    def home(self, line: str) -> str | None:
        """The array of a line, for other units and later passes; None if it needs none."""
        state = self.state(line)
        if state is not None:
            return self.new(state)
        if is_product(self.plan.lines[line]) or line not in self.plan.kept | self.plan.matrices:
            return None
        return self.array(f"{self.names[line]}_row", self.size(line))

    def variable(self, line: str) -> str:
        """The variable of a line in a loop; that of a state's new value is not named as its array."""
        return f"new_{self.names[line]}" if line in self.plan.states else self.names[line]

    def row(self, operand: Expression) -> str:
        """The array of an operand that is read as a whole."""
        if isinstance(operand, Previous):
            return self.names[operand.state]
        if operand.line is None:
            return "x"
        line = self.plan.lines[operand.line]
        if isinstance(line, Product) and self.state(operand.line) is None:
            group = self.group(line)
            return at(self.products[group], group.blocks.index(line.block) * self.rows_of(group))
        return str(self.home(operand.line))

    def group(self, one: Product) -> ProductGroup:
        """The group of a product."""
        return next(own for own in self.products if own.family == one.family and one.block in own.blocks)

    def head(self) -> str:
        """The index of the head of a unit."""
        return "0" if self.sizes.heads == 1 else f"unit / {self.sizes.keys}"

    def read(self, operand: Expression, place: Place = HERE, least: Binding = SUM) -> str:
        """An operand, in brackets if it binds less than `least`."""
        if operand.line is not None:
            return self.line(operand.line, place)
        text, binding = self.printed(operand, place)
        return text if binding >= least else f"({text})"

    def line(self, name: str, place: Place = HERE) -> str:
        """The value of a line."""
        line = self.plan.lines[name]
        if is_product(line):
            return self.text(line, place)
        if name in self.plan.matrices:
            return f"{self.home(name)}[{self._in_matrix()}]"
        if place.local and self.plan.passes[name] == self.current:
            return self.variable(name)
        return f"{self.home(name)}[{place.unit}]"

    def text(self, expression: Expression, place: Place = HERE) -> str:
        """An expression itself, in terms of its operands."""
        return self.printed(expression, place)[0]

    def printed(self, expression: Expression, place: Place) -> tuple[str, Binding]:
        """The text and its precedence."""
        match expression:
            case Operation(function="contract", arguments=(matrix, values)):
                return self._sum_over_keys(matrix, values), ATOM
            case Operation(function="dot"):
                return f"{self.dots[expression]}[{self.head()}]", ATOM
            case Operation(function="outer", arguments=(units, keys)):
                vector = replace(place, key=None)
                return f"{self.read(units, vector, PRODUCT)} * {self._at_key(keys)}", PRODUCT
            case Operation(function="keys", arguments=(values,)):
                return self._at_key(values), ATOM
            case Operation(function=name, arguments=arguments) if name in OPERATORS:
                operator = OPERATORS[name]
                pairs = zip(arguments, operator.operands, strict=True)
                operands = (self.read(one, place, least) for one, least in pairs)
                return operator.template.format(*operands), operator.binding
            case Operation(function=name, arguments=arguments):
                self.calls |= {FUNCTIONS[name]} & {*RUNTIME}
                return f"{FUNCTIONS[name]}({', '.join(self.read(one, place) for one in arguments)})", ATOM
            case Product(block=block):
                group = self.group(expression)
                own = self.head() if group.per_head else place.unit
                own = f"({place.unit}) / {self.sizes.keys}" if group.per_head and place != HERE else own
                return f"{self.products[group]}[{plus(self._first(group, block), own)}]", ATOM
            case Normalized(group=name, operand=operand):
                first = self.plan.normalizers[name][1].index(str(operand.line)) * self.sizes.units
                return f"normalized_{name}[{plus(first, place.unit)}]", ATOM
            case Previous(state=state):
                of_matrix = state in self.cell.matrix_states
                return f"{self.names[state]}[{self._in_matrix() if of_matrix else place.unit}]", ATOM
            case Vector(family=family, block=block):
                return self._vector(family, block, place.unit), ATOM
            case Factor(name=name):
                return "elapsed" if name == ELAPSED else literal(self.kept[name]), ATOM
            case Constant(value=value):
                return literal(value), ATOM if value >= 0 else SUM
            case KeyScale():
                return literal(self.sizes.keys**-0.5), ATOM
        raise TypeError(f"no C for {expression}")

    def _first(self, group: ProductGroup, block: str) -> int:
        return group.blocks.index(block) * self.rows_of(group)

    def _in_matrix(self) -> str:
        return f"unit * {self.sizes.keys} + key"

    def _at_key(self, values: Expression) -> str:
        """The value of the unit that is the key of a head."""
        first = "key" if self.sizes.heads == 1 else f"unit / {self.sizes.keys} * {self.sizes.keys} + key"
        return self.read(values, Place(first, None, local=False), MATRIX_PRODUCT)

    def _sum_over_keys(self, matrix: Expression, values: Expression) -> str:
        text = f"{self.read(matrix, Place(key='key'), PRODUCT)} * {self._at_key(values)}"
        name = f"sum_{next(self._numbers)}"
        self.before += [
            f"float {name} = 0.0f;",
            f"for (int key = 0; key < {self.sizes.keys}; key++)",
            f"    {name} += {text};",
        ]
        return name

    def _vector(self, family: str, block: str, unit: str) -> str:
        if family not in self.weights:
            return "0.0f"  # the biases of a layer without biases
        blocks = next(one.blocks for one in self.layout.parameters if one.name == family)
        return f"{self.weights[family].name}[{plus(blocks.index(block) * self.sizes.units, unit)}]"


def at(array: str, offset: int) -> str:
    """The address of an element of an array."""
    return f"{array} + {offset}" if offset else array


def plus(offset: int, index: str) -> str:
    """An index beyond an offset."""
    if not offset:
        return index
    return str(offset) if index == "0" else f"{offset} + {index}"


def _c_names(plan: Schedule, taken: set[str]) -> dict[str, str]:
    """The names of states and lines in C: those of the equations, or numbered where C has another meaning."""
    refused = OWN_WORDS | CPP_KEYWORDS | taken
    names: dict[str, str] = {}
    for number, line in enumerate(dict.fromkeys([*plan.states, *plan.lines])):
        numbered = any(line.startswith(one) for one in ("product_", "dot_", "sum_", "new_", "line_", "_"))
        macro = line.isupper() and len(line) > 1
        names[line] = f"line_{number}" if numbered or macro or line in refused else line
    return names
