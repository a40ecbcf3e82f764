"""Bounds of expressions, whatever the input and the weights: what shows that a state never grows."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, sqrt

from gatewise.cells.expressions import ELAPSED, Constant, Expression, Factor, Operation
from gatewise.compiler.constants import Computed

Bounds = tuple[float, float]

UNKNOWN = (-inf, inf)
FRACTION = (0.0, 1.0)
VALUES: dict[str, Bounds] = {
    "sigmoid": FRACTION,
    "fraction": FRACTION,
    "tanh": (-1.0, 1.0),
    "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
    "softplus": (0.0, inf),
    "log_sigmoid": (-inf, 0.0),
}


def bounds(expression: Expression) -> Bounds:
    """The least and the largest value that interval arithmetic finds, beside NaN and up to rounding.

    >>> from gatewise.cells import W, exp, sigmoid, softplus, x
    >>> z = sigmoid(W.z @ x)
    >>> bounds(1 - z), bounds(z / 2 - 3), bounds(exp(-softplus(W.a @ x)) * z), bounds(1 / (1 + exp(z)))
    ((0.0, 1.0), (-3.0, -2.5), (0.0, 1.0), (0.0, 1.0))
    """
    return _Reader().bounds(expression)


def never_grow(factors: list[list[Expression | None]]) -> bool:
    """Whether products of any number of such matrices, of one row or two, have bounded elements.

    The absolute values of each row, or of each column, add up to at most 1; or the matrix turns pairs.

    factors: None for zero
    """
    reader = _Reader()
    columns = [*map(list, zip(*factors, strict=True))]
    if any(all(reader.total(row) <= 1 for row in rows) for rows in (factors, columns)):
        return True
    return len(factors) == 2 and reader.turns(factors)


class _Reader:
    """Finds the bounds of each expression once."""

    def __init__(self) -> None:
        self.known: dict[Expression, Bounds] = {}

    def size(self, expression: Expression) -> float:
        """The largest absolute value."""
        low, high = self.bounds(expression)
        return max(-low, high)

    def bounds(self, expression: Expression) -> Bounds:
        """See `bounds`."""
        if expression not in self.known:
            self.known[expression] = self._bounds(expression)
        return self.known[expression]

    def total(self, row: list[Expression | None]) -> float:
        """The largest sum of absolute values."""
        match [one for one in row if one is not None]:
            case [first, second]:
                mean = self._mean(first, second)  # whose weights are not negative
                return max(-mean[0], mean[1]) if mean else self.size(first) + self.size(second)
            case ones:
                return sum(map(self.size, ones))

    def turns(self, matrix: list[list[Expression | None]]) -> bool:
        """Whether a matrix is r [[cos t, -sin t], [sin t, cos t]], or its transpose, where |r| <= 1."""
        (first, second), (third, fourth) = matrix
        if first is None or second is None or third is None or fourth is None:
            return False
        (sign, cosine), (other, same) = _factors(first), _factors(fourth)
        (above, minus_sine), (below, sine) = _factors(second), _factors(third)
        if sign != other or above == below or not (_match(cosine, same) and _match(minus_sine, sine)):
            return False
        for one in cosine:
            if isinstance(one, Operation) and one.function == "cos":
                turned = Operation("sin", one.arguments)
                rest = [other for other in cosine if other is not one]
                if _match([turned, *rest], sine) and all(self.size(other) <= 1 for other in rest):
                    return True
        return False

    def _bounds(self, expression: Expression) -> Bounds:
        match expression:
            case Constant(value=value):
                return value, value
            case Computed(value=value):
                return self.bounds(value)
            case Factor(name=name) if name not in (ELAPSED, "mask"):
                return FRACTION  # of a state that zoneout keeps
            case Operation(function=function, arguments=(only,)):
                return self._of_one(function, self.bounds(only))
            case Operation(function=function, arguments=(first, second)):
                return self._of_two(function, first, second)
        return UNKNOWN

    def _of_one(self, function: str, of: Bounds) -> Bounds:
        low, high = of
        match function:
            case "negate":
                return -high, -low
            case "exp":
                return 0.0, 1.0 if high <= 0 else inf
            case "relu":
                return max(low, 0.0), max(high, 0.0)
            case "sqrt":
                return 0.0, sqrt(max(high, 0.0))
            case "abs":
                return max(low, -high, 0.0), max(-low, high)
        return VALUES.get(function, UNKNOWN)

    def _of_two(self, function: str, first: Expression, second: Expression) -> Bounds:
        (low, high), (least, most) = self.bounds(first), self.bounds(second)
        match function:
            case "add":
                return self._mean(first, second) or (low + least, high + most)
            case "subtract":
                return low - most, high - least
            case "multiply":
                return _product((low, high), (least, most))
            case "divide":
                if low >= 0 and self._is_share(first, second):
                    return FRACTION
                if least > 0 or most < 0:
                    return _product((low, high), (1 / most, 1 / least))
            case "maximum":
                return max(low, least), max(high, most)
            case "minimum":
                return min(low, least), min(high, most)
        return UNKNOWN

    def _mean(self, first: Expression, second: Expression) -> Bounds | None:
        """The bounds of `a * m + (1 - m) * b`, a weighted mean of both, or None."""
        terms = [_factors(first), _factors(second)]
        for (sign, ones), (other, others) in (terms, terms[::-1]):
            for weight in ones:
                for rest in others:
                    if _is_rest(rest, weight) and self._is_fraction(weight):
                        a = self._signed(sign, [one for one in ones if one is not weight])
                        b = self._signed(other, [one for one in others if one is not rest])
                        return min(a[0], b[0]), max(a[1], b[1])
        return None

    def _is_fraction(self, expression: Expression) -> bool:
        low, high = self.bounds(expression)
        return low >= 0 and high <= 1

    def _signed(self, sign: float, factors: list[Expression]) -> Bounds:
        found = (sign, sign)
        for one in factors:
            found = _product(found, self.bounds(one))
        return found

    def _is_share(self, part: Expression, total: Expression) -> bool:
        """Whether a total is a sum of a part and a number that is not negative."""
        match total:
            case Operation(function="add", arguments=(first, second)):
                for one, other in ((first, second), (second, first)):
                    if alike(one, part) and self.bounds(other)[0] >= 0:
                        return True
        return False


def _product(first: Bounds, second: Bounds) -> Bounds:
    """Zero times an infinite bound is zero."""
    products = [one * other if one and other else 0.0 for one in first for other in second]
    return min(products), max(products)


def _factors(expression: Expression) -> tuple[float, list[Expression]]:
    """The sign of a product, and its factors; those that are lines are left whole."""
    sign, found = 1.0, []
    for one in _multiplied(expression):
        if one is None:
            sign = -sign
        else:
            found.append(one)
    return sign, found


def _multiplied(expression: Expression) -> Iterator[Expression | None]:
    """The factors of a product; None for each sign."""
    match expression:
        case Operation(function="multiply", arguments=(first, second)):
            for one in (first, second):
                yield from _multiplied(one) if one.line is None else (one,)
        case Operation(function="negate", arguments=(only,)):
            yield None
            yield from _multiplied(only)
        case Computed(value=value):
            yield from _multiplied(value)
        case _:
            yield expression


def _match(first: list[Expression], second: list[Expression]) -> bool:
    """Whether the same factors are in both, in any order."""
    left = [*second]
    for one in first:
        found = next((place for place, other in enumerate(left) if alike(one, other)), None)
        if found is None:
            return False
        del left[found]
    return not left


def _is_rest(expression: Expression, of: Expression) -> bool:
    """Whether it is `1 - of`."""
    match expression:
        case Operation(function="subtract", arguments=(Constant(value=1.0), second)):
            return alike(second, of)
    return False


def alike(one: Expression, other: Expression) -> bool:
    """Whether both are the same line or formula."""
    if one is other:
        return True
    if one.line is not None and other.line is not None:
        return one.line == other.line
    if isinstance(one, Computed) and isinstance(other, Computed):
        return alike(one.value, other.value)
    return (
        type(one) is type(other)
        and _fields(one) == _fields(other)
        and len(one.operands) == len(other.operands)
        and all(map(alike, one.operands, other.operands))
    )


def _fields(expression: Expression) -> dict[str, object]:
    """What an expression consists of, beside its name and its operands."""
    return {
        name: value
        for name, value in vars(expression).items()
        if name not in ("line", "arguments", "operand")
    }
