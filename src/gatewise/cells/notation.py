"""The notation of cells: what stands on the right of an equation.

    x                 the input of this step
    prev.c            the state `c` of the step before
    back[1].c         on a lattice: the state `c` of the position one back along axis 1, 2, ...
    W.i @ x           a matrix product; `W` acts on the input, `R` on anything else, and both add a bias
    P.i @ prev.c      a product by another family of matrices, without a bias
    p.i * prev.c      one weight for each unit
    b.u               one bias for each unit
    normalise.r(v)    layer normalisation; values given to one normaliser are normalised together
    sigmoid(v), tanh(v), relu(v), softplus(v), exp(v), maximum(a, b), + - * /

An expression is data: the reference evaluates it over tensors, and a compiler reads it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from gatewise.cells.limits import MOST_PARTS, check_axis, check_name, check_number
from gatewise.errors import GatewiseError

NORMALISE_EPSILON = 1e-5  # added to the variance that a normaliser divides by
FUNCTIONS = {  # every elementwise function, with the number of its arguments
    "add": 2, "subtract": 2, "multiply": 2, "divide": 2, "maximum": 2,
    "negate": 1, "sigmoid": 1, "tanh": 1, "relu": 1, "softplus": 1, "exp": 1,
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """A value of one step, for each unit. Its `line` is its name once a cell has given it one."""

    line: str | None = field(default=None, init=False)

    def __repr__(self) -> str:
        from gatewise.cells.formula import formula  # formula.py reads this notation
        from gatewise.cells.order import fits  # and so does order.py

        return formula(self) if fits(self) else f"an expression of more than {MOST_PARTS} parts"

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The expressions that this one is made of."""
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

    def __neg__(self) -> Expression:
        return Operation("negate", (self,))


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Expression):
    """A finite number, the same for every unit."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", check_number(self.value))


@dataclass(frozen=True, eq=False, repr=False)
class Input(Expression):
    """The input of the step; it can only be multiplied by a matrix, as its width is its own."""


@dataclass(frozen=True, eq=False, repr=False)
class Previous(Expression):
    """A state as the step before left it; on a lattice, as the position one back along an axis did."""

    state: str
    axis: int = 0  # 1, 2, ... on a lattice


@dataclass(frozen=True, eq=False, repr=False)
class Vector(Expression):
    """One weight for each unit: block `block` of the family `family`."""

    family: str
    block: str


@dataclass(frozen=True, eq=False, repr=False)
class Factor(Expression):
    """A number for each row and unit that a layer gives with a call; no cell's equations hold one."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Operation(Expression):
    """An elementwise function of other expressions."""

    function: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if FUNCTIONS.get(self.function) != len(self.arguments):
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
    """A matrix, block `block` of the family `family`, times an expression."""

    family: str
    block: str
    operand: Expression

    def __post_init__(self) -> None:
        if isinstance(self.operand, Constant):
            raise GatewiseError(
                f"{self.family}.{self.block} multiplies the number {self.operand}; use * for that"
            )

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, eq=False, repr=False)
class Normalised(Expression):
    """An expression after layer normalisation, together with all others of its group."""

    group: str
    operand: Expression

    def __post_init__(self) -> None:
        if isinstance(self.operand, Constant | Input):
            raise GatewiseError(
                f"normalise.{self.group} is given {self.operand}; it takes what has a value for each unit"
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
        f"an equation holds {value!r}, a {type(value).__name__}; it takes expressions and numbers"
    )


@dataclass(frozen=True)
class Matrix:
    """One matrix of a family, waiting for the `@` that multiplies it."""

    family: str
    block: str

    def __matmul__(self, operand: Expression) -> Expression:
        return Product(self.family, self.block, as_expression(operand))


@dataclass(frozen=True)
class Normaliser:
    """Layer normalisation of one group of values."""

    group: str

    def __call__(self, value: Expression) -> Expression:
        return Normalised(self.group, as_expression(value))


Named = TypeVar("Named")


class Names(Generic[Named]):
    """Hands out one thing for each name, always the same: `W.i`, or `W["i"]` in a loop."""

    def __init__(self, make: Callable[[str], Named]) -> None:
        self._make = make
        self._known: dict[str, Named] = {}

    def __getitem__(self, name: str) -> Named:
        if name not in self._known:
            self._known[name] = self._make(name)
        return self._known[name]

    def __getattr__(self, name: str) -> Named:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]


def matrices(family: str) -> Names[Matrix]:
    """A family of matrices, one for each block; the name becomes that of a parameter.

    >>> Q = matrices("Q")
    >>> Q.i @ prev.c
    Q_i c[t-1]
    """
    return Names(partial(Matrix, check_name("a family", family)))


def vectors(family: str) -> Names[Vector]:
    """A family of vectors, a weight for each unit; the name becomes that of a parameter.

    >>> q = vectors("q")
    >>> q.i * prev.c
    q_i * c[t-1]
    """
    return Names(partial(Vector, check_name("a family", family)))


class Axes:
    """The states one back along each axis of a lattice: `back[1].h`, `back[2].h`."""

    def __init__(self) -> None:
        self._known: dict[int, Names[Previous]] = {}

    def __getitem__(self, axis: int) -> Names[Previous]:
        axis = check_axis(axis)
        return self._known.setdefault(axis, Names(partial(Previous, axis=axis)))


x = Input()
back = Axes()
prev = back[0]
W, R, P, U = matrices("W"), matrices("R"), matrices("P"), matrices("U")
p, b = vectors("p"), vectors("b")
normalise = Names(Normaliser)


def sigmoid(value: Expression) -> Expression:
    """`1 / (1 + exp(-value))`, in 0..1: a gate.

    >>> sigmoid(W.f @ x)
    sigmoid(W_f x)
    """
    return Operation("sigmoid", (as_expression(value),))


def tanh(value: Expression) -> Expression:
    """The hyperbolic tangent, in -1..1.

    >>> tanh(W.g @ x + R.g @ prev.h)
    tanh(W_g x + R_g h[t-1])
    """
    return Operation("tanh", (as_expression(value),))


def relu(value: Expression) -> Expression:
    """The value where it is positive, and zero elsewhere.

    >>> relu(prev.h - 1)
    relu(h[t-1] - 1)
    """
    return Operation("relu", (as_expression(value),))


def softplus(value: Expression) -> Expression:
    """`log(1 + exp(value))`, a smooth relu.

    >>> softplus(p.a * prev.c)
    softplus(p_a * c[t-1])
    """
    return Operation("softplus", (as_expression(value),))


def exp(value: Expression) -> Expression:
    """`e` to the power of the value.

    >>> exp(-prev.c)
    exp(-c[t-1])
    """
    return Operation("exp", (as_expression(value),))


def maximum(first: Expression | float, second: Expression | float) -> Expression:
    """The larger of two values.

    >>> maximum(prev.c, 0.5)
    maximum(c[t-1], 0.5)
    """
    return Operation("maximum", (as_expression(first), as_expression(second)))
