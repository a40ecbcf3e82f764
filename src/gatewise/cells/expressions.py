"""The nodes of an equation: expressions are data, which the reference evaluates and the compiler reads."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field

from gatewise.cells.functions import BY_HEAD, FUNCTIONS
from gatewise.cells.limits import check_number
from gatewise.errors import GatewiseError

NORMALIZE_EPSILON = 1e-5  # added to the variance
ELAPSED = "elapsed"  # the factor that cells may read


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """A value of one step, for each unit. line: its name, if it is a line of a cell

    Its `repr` is its formula, see `gatewise.cells.formula`, which adds that method.
    """

    line: str | None = field(default=None, init=False)

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The operands of the expression."""
        return ()

    def __add__(self, other: Expression | float) -> Expression:
        return Operation("add", (self, as_expression(other)))

    def __radd__(self, other: float) -> Expression:
        return Operation("add", (as_expression(other), self))

    def __sub__(self, other: Expression | float) -> Expression:
        return Operation("subtract", (self, as_expression(other)))

    def __rsub__(self, other: float) -> Expression:
        return Operation("subtract", (as_expression(other), self))

    def __mul__(self, other: Expression | float) -> Expression:
        return Operation("multiply", (self, as_expression(other)))

    def __rmul__(self, other: float) -> Expression:
        return Operation("multiply", (as_expression(other), self))

    def __truediv__(self, other: Expression | float) -> Expression:
        return Operation("divide", (self, as_expression(other)))

    def __rtruediv__(self, other: float) -> Expression:
        return Operation("divide", (as_expression(other), self))

    def __matmul__(self, keys: Expression) -> Expression:
        return Operation("contract", (self, as_expression(keys)))

    def __neg__(self) -> Expression:
        return Operation("negate", (self,))

    def __abs__(self) -> Expression:
        return Operation("abs", (self,))


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Expression):
    """A finite number, the same for every unit."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", check_number(self.value))


@dataclass(frozen=True, eq=False, repr=False)
class Input(Expression):
    """The input of the step; it can only be multiplied by a matrix, as it has its own width."""


@dataclass(frozen=True, eq=False, repr=False)
class Previous(Expression):
    """A state after the step before; on a lattice, after the position before along an axis."""

    state: str
    axis: int = 0  # 1, 2, ... on a lattice


@dataclass(frozen=True, eq=False, repr=False)
class Vector(Expression):
    """One weight for each unit: block `block` of the family `family`."""

    family: str
    block: str


@dataclass(frozen=True, eq=False, repr=False)
class Uniform(Expression):
    """In an initial value: a random number in 0..1 for each unit, the same wherever it occurs."""


@dataclass(frozen=True, eq=False, repr=False)
class Position(Expression):
    """In an initial value: the position of a unit, from 0 for the first to 1 for the last."""


@dataclass(frozen=True, eq=False, repr=False)
class KeyScale(Expression):
    """`1 / sqrt(K)`, where K is the number of keys: the units of a head."""


@dataclass(frozen=True, eq=False, repr=False)
class Factor(Expression):
    """A number for each row and unit, given by a layer in a call; in cells only `elapsed` occurs."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Operation(Expression):
    """An elementwise function of other expressions, or one between the units of a head."""

    function: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        known = (FUNCTIONS | BY_HEAD).get(self.function)
        if known is None or known.arguments != len(self.arguments):
            raise GatewiseError(
                f"there is no function {reprlib.repr(self.function)} of {len(self.arguments)} values"
            )
        if all(isinstance(one, Constant) for one in self.arguments):
            raise GatewiseError(f"{self.function} of numbers alone is a number; write that instead")

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.arguments


@dataclass(frozen=True, eq=False, repr=False)
class Product(Expression):
    """A matrix, block `block` of the family `family`, times an expression.

    per_head: whether the matrix has a row for each head, whose units all have that value
    """

    family: str
    block: str
    operand: Expression
    per_head: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.operand, Constant):
            raise GatewiseError(
                f"{self.family}.{self.block} multiplies the number {self.operand}; use * for that"
            )

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, eq=False, repr=False)
class Normalized(Expression):
    """An expression after layer normalization, together with all others of its group."""

    group: str
    operand: Expression

    def __post_init__(self) -> None:
        if isinstance(self.operand, Constant | Input):
            raise GatewiseError(
                f"normalize.{self.group} is given {self.operand}; it needs a value for each unit"
            )

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.operand,)


def as_expression(value: Expression | float) -> Expression:
    """The expression itself, or a number as a constant."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, int | float):
        return Constant(value)
    raise GatewiseError(
        f"an equation contains {value!r}, a {type(value).__name__}; it may contain expressions and numbers"
    )
