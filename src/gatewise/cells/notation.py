"""The notation of cells: the right side of equations.

    x                 the input of this step
    prev.c            the state `c` of the step before
    back[1].c         on a lattice: the state `c` of the position one back along axis 1, 2, ...
    W.i @ x           a matrix product; `W` acts on the input, `R` on anything else, and both add a bias
    P.i @ prev.c      a product by another family of matrices, without a bias
    p.i * prev.c      one weight for each unit
    b.u               one bias for each unit
    normalize.r(v)    layer normalization; values given to one normalizer are normalized together
    sigmoid(v), tanh(v), relu(v), softplus(v), log_sigmoid(v), exp(v), log(v), sqrt(v), sin(v), cos(v),
    abs(v), fraction(v), maximum(a, b), minimum(a, b), + - * /
    elapsed           the time since the step before, which a layer is given; 1 if it is not

A layer divides its units into heads. A state may be a matrix, with a number for each unit and each key, which
are as many as the units of a head:

    w.i @ x           a product with one row, and one bias, for each head: all units of a head have its value
    outer(v, k)       the matrix v k^T of each head
    f * prev.C        a number for each unit scales its row
    keys(f) * prev.C  a number for each key scales its column
    C @ q             reads a matrix: the sum over the keys, for each unit
    dot(n, q)         the sum over the units of a head, for each of them
    key_scale         1 / sqrt(K), where K is the number of keys

Initial values are equations, too, of one random number in 0..1 for each unit, `uniform`, and of its position,
`position`, which is 0 for the first unit and 1 for the last.

An expression is data (`gatewise.cells.expressions`): the reference evaluates it over tensors, and a compiler
reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from gatewise.cells.expressions import (
    ELAPSED,
    Expression,
    Factor,
    Input,
    KeyScale,
    Normalized,
    Operation,
    Position,
    Previous,
    Product,
    Uniform,
    Vector,
    as_expression,
)
from gatewise.cells.limits import check_axis, check_name


@dataclass(frozen=True)
class Matrix:
    """One matrix of a family, before its multiplication by `@`."""

    family: str
    block: str
    per_head: bool = False

    def __matmul__(self, operand: Expression) -> Expression:
        return Product(self.family, self.block, as_expression(operand), self.per_head)


@dataclass(frozen=True)
class Normalizer:
    """Layer normalization of one group of values."""

    group: str

    def __call__(self, value: Expression) -> Expression:
        return Normalized(self.group, as_expression(value))


Named = TypeVar("Named")


class Names(Generic[Named]):
    """Creates one object for each name, always the same: `W.i`, or `W["i"]` in a loop."""

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


def matrices(family: str, per_head: bool = False) -> Names[Matrix]:
    """A family of matrices, one for each block; its name is that of a parameter.

    per_head: whether a matrix has a row for each head of a layer, whose units share the value, and a bias

    >>> Q = matrices("Q")
    >>> Q.i @ prev.c
    Q_i c[t-1]
    """
    return Names(partial(Matrix, check_name("a family", family), per_head=per_head))


def vectors(family: str) -> Names[Vector]:
    """A family of vectors, a weight for each unit; its name is that of a parameter.

    >>> q = vectors("q")
    >>> q.i * prev.c
    q_i * c[t-1]
    """
    return Names(partial(Vector, check_name("a family", family)))


class Axes:
    """The states before along each axis of a lattice: `back[1].h`, `back[2].h`."""

    def __init__(self) -> None:
        self._known: dict[int, Names[Previous]] = {}

    def __getitem__(self, axis: int) -> Names[Previous]:
        axis = check_axis(axis)
        return self._known.setdefault(axis, Names(partial(Previous, axis=axis)))


x = Input()
back = Axes()
prev = back[0]
W, R, P, U = matrices("W"), matrices("R"), matrices("P"), matrices("U")
w = matrices("w", per_head=True)
p, b = vectors("p"), vectors("b")
normalize = Names(Normalizer)
uniform, position = Uniform(), Position()
key_scale = KeyScale()
elapsed = Factor(ELAPSED)


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
    """The value if it is positive, else zero.

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


def log_sigmoid(value: Expression) -> Expression:
    """`log(sigmoid(value))`, at most zero: a gate in the logarithm.

    >>> log_sigmoid(W.f @ x)
    log_sigmoid(W_f x)
    """
    return Operation("log_sigmoid", (as_expression(value),))


def exp(value: Expression) -> Expression:
    """`e` to the power of the value.

    >>> exp(-prev.c)
    exp(-c[t-1])
    """
    return Operation("exp", (as_expression(value),))


def log(value: Expression) -> Expression:
    """The natural logarithm.

    >>> log(1 + prev.c)
    log(1 + c[t-1])
    """
    return Operation("log", (as_expression(value),))


def sqrt(value: Expression) -> Expression:
    """The square root.

    >>> sqrt(1 - prev.c * prev.c)
    sqrt(1 - c[t-1] * c[t-1])
    """
    return Operation("sqrt", (as_expression(value),))


def fraction(value: Expression) -> Expression:
    """The part after the decimal point, `value - floor(value)`, in 0..1; its derivative is 1.

    >>> fraction(prev.c + 0.1)
    fraction(c[t-1] + 0.1)
    """
    return Operation("fraction", (as_expression(value),))


def sin(value: Expression) -> Expression:
    """The sine of an angle in radians.

    >>> sin(b.angle)
    sin(b_angle)
    """
    return Operation("sin", (as_expression(value),))


def cos(value: Expression) -> Expression:
    """The cosine of an angle in radians.

    >>> cos(b.angle)
    cos(b_angle)
    """
    return Operation("cos", (as_expression(value),))


def maximum(first: Expression | float, second: Expression | float) -> Expression:
    """The larger of two values.

    >>> maximum(prev.c, 0.5)
    maximum(c[t-1], 0.5)
    """
    return Operation("maximum", (as_expression(first), as_expression(second)))


def minimum(first: Expression | float, second: Expression | float) -> Expression:
    """The smaller of two values.

    >>> minimum(prev.c, 0.5)
    minimum(c[t-1], 0.5)
    """
    return Operation("minimum", (as_expression(first), as_expression(second)))


def outer(units: Expression, keys: Expression) -> Expression:
    """The outer product within each head: a matrix with a number for each unit and key.

    >>> outer(W.v @ x, W.k @ x)
    outer(W_v x, W_k x)
    """
    return Operation("outer", (as_expression(units), as_expression(keys)))


def keys(values: Expression) -> Expression:
    """Values for keys: a matrix whose rows are equal within a head.

    >>> keys(sigmoid(W.f @ x)) * prev.C
    keys(sigmoid(W_f x)) * C[t-1]
    """
    return Operation("keys", (as_expression(values),))


def dot(first: Expression, second: Expression) -> Expression:
    """The sum of products over the units of a head, the same number for each of them.

    >>> dot(prev.n, W.q @ x)
    dot(n[t-1], W_q x)
    """
    return Operation("dot", (as_expression(first), as_expression(second)))
