"""The constant arrays of a model: its weights, in float32 or int8, each stored once."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from gatewise.compiler.c_runtime import literal
from gatewise.engine.int8 import WIDEST
from gatewise.shipping.c.arrays import BYTES, Array, kind_of

LARGE = 256  # numbers of a matrix from which on int8 saves space
WIDTH = 100  # of a line of numbers


class Constants:
    """Tensors as constant arrays of C; equal ones are one array.

    quantize: whether large matrices are int8, with a scale for each row
    """

    def __init__(self, quantize: bool = False) -> None:
        self.quantize = quantize
        self._names: dict[int, str] = {}
        self._known: dict[tuple[str, bytes], tuple[Array, Tensor]] = {}
        self._kept: list[Tensor] = []  # so that no other tensor gets the identity of a named one

    def name(self, tensor: Tensor, name: str) -> None:
        """Names the array of a tensor, such as a parameter."""
        self._names[id(tensor)] = name
        self._kept.append(tensor)

    def array(self, tensor: Tensor, kind: str | None = None) -> Array:
        """The array of a tensor, in order. kind: "int8_t" for int8 matrices, else that of its dtype"""
        values = tensor.detach().contiguous()
        if not values.numel():
            return Array("nothing", 0, kind_of(values.dtype))
        kind = kind or kind_of(values.dtype)
        key = (kind, values.numpy().tobytes())
        if key not in self._known:
            name = self._names.get(id(tensor), f"constant_{len(self._known)}")
            taken = {array.name for array, _ in self._known.values()}
            name = name if name not in taken else f"{name}_{len(self._known)}"
            self._known[key] = (Array(name, values.numel(), kind), values)
        return self._known[key][0]

    def is_int8(self, matrix: Tensor) -> bool:
        """Whether a matrix is stored as int8."""
        fits = matrix.shape[-1] <= WIDEST and bool(matrix.isfinite().all())
        return self.quantize and matrix.numel() >= LARGE and fits

    @property
    def bytes(self) -> int:
        """The size of all arrays."""
        return sum(array.size * BYTES[array.kind] for array, _ in self._known.values())

    def definitions(self) -> Iterator[str]:
        """The arrays as C."""
        for array, values in self._known.values():
            yield f"static const {array.kind} {array.name}[{array.size}] = {{"
            yield from _lines(values.flatten().tolist(), array.kind)
            yield "};"
            yield ""


def _lines(values: list[float], kind: str) -> Iterator[str]:
    line = "   "
    for value in values:
        text = f" {_number(value, kind)},"
        if len(line) + len(text) > WIDTH:
            yield line
            line = "   "
        line += text
    yield line


def _number(value: float, kind: str) -> str:
    if kind == "float":
        return literal(value)
    if kind == "double":
        return double(value)
    return whole_number(int(value))


def double(value: float) -> str:
    """A float64 number of C, exactly."""
    if value != value:
        return "(double)NAN"
    if value in (float("inf"), float("-inf")):
        return "(double)INFINITY" if value > 0 else "-(double)INFINITY"
    return repr(float(value))


def whole_number(value: int) -> str:
    """A whole number of C; the least one has no literal."""
    return f"(-{-value - 1} - 1)" if value == -(1 << 63) else str(value)
