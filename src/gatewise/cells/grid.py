"""Grid LSTM: a network along every axis of a lattice, which reads the hidden states of all axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from operator import add
from typing import Literal

from gatewise.cells.base import Cell, CellType
from gatewise.cells.expressions import Expression
from gatewise.cells.notation import b, back, matrices, relu, sigmoid, tanh
from gatewise.errors import GatewiseError

SOURCE = "Kalchbrenner, Danihelka and Graves 2015, Grid long short-term memory"
Transform = Literal["lstm", "gru", "rnn"]
Show = Literal["o * tanh(c)", "tanh(o * c)"]
Activation = Literal["tanh", "relu"]
FUNCTIONS = {"tanh": tanh, "relu": relu}
ALONG = {"lstm": "an LSTM", "gru": "a GRU", "rnn": "an RNN"}


def grid(
    axes: int,
    transform: Transform = "lstm",
    priority: Sequence[int] = (),
    without_memory: Sequence[int] = (),
    show: Show = "o * tanh(c)",
    activation: Activation = "tanh",
) -> CellType:
    """A block of a Grid LSTM: with `H = [h_1, ..., h_N]`, `(h_k, c_k) = LSTM(H, c_k, W_k)` along each axis k.

    axes: N; axes are numbered from 1, and the hidden state of the last one is the output
    transform: the network along an axis: "lstm", "gru" or "rnn"
    priority: axes that are computed last and read the new hidden states of the others
    without_memory: axes without a cell state, with `h_k = activation(V_k H)` only
    show: the output of a cell state; the paper has `tanh(o * c)`, common code `o * tanh(c)`
    activation: of axes without memory and of the transform "rnn"

    >>> grid(2)
    Grid2LSTM(state: h_2, h_1, c_1, c_2; gates: i_1, f_1, o_1, i_2, f_2, o_2)

    Raises: `GatewiseError` if an axis does not exist, or all axes have priority.
    """
    _check(axes, transform, priority, without_memory, show, activation)
    return _made(
        axes, transform, tuple(sorted(set(priority))), tuple(sorted(set(without_memory))), show, activation
    )


@cache
def _made(
    axes: int, transform: Transform, priority: tuple[int, ...], without_memory: tuple[int, ...],
    show: str, activation: str,
) -> CellType:  # fmt: skip
    hidden: dict[int, Expression] = {}  # the new hidden states
    lines: dict[str, Expression] = {}
    first = [k for k in range(1, axes + 1) if k not in priority]
    for k in [*first, *(k for k in range(1, axes + 1) if k in priority)]:
        seen = {
            j: hidden[j] if k in priority and j in first else back[j][f"h_{j}"] for j in range(1, axes + 1)
        }
        made = _Axis(k, seen)
        if k in without_memory or transform == "rnn":
            lines |= made.plain(activation)
        elif transform == "gru":
            lines |= made.gru()
        else:
            lines |= made.lstm(show)
        hidden[k] = lines[f"h_{k}"]
    names = [f"h_{axes}", *(f"h_{k}" for k in range(1, axes)), *(f"c_{k}" for k in range(1, axes + 1))]
    state = tuple(name for name in names if name in lines)
    initial_bias = {f"f_{k}": 1.0 for k in range(1, axes + 1) if f"f_{k}" in lines}
    settings = [f"{axes} {'axes' if axes > 1 else 'axis'}", f"{ALONG[transform]} along each"]
    settings += [f"priority {priority}"] if priority else []
    settings += [f"no memory along {without_memory}"] if without_memory else []
    body = {
        "__doc__": f"A grid block: {', '.join(settings)}.", "source": SOURCE, "state": state,
        "initial_bias": initial_bias, **lines,
    }  # fmt: skip
    return CellType(f"Grid{axes}{transform.upper()}", (Cell,), body)


class _Axis:
    """The lines of one axis, as functions of the hidden states that it reads."""

    def __init__(self, axis: int, seen: dict[int, Expression]) -> None:
        self.axis, self.seen = axis, seen

    def sum(self, block: str, but: int = 0) -> Expression:
        """`sum_j R_j h_j + b`, one matrix for each hidden state."""
        name = f"{block}_{self.axis}"
        products = [self.product(block, j) for j in self.seen if j != but]
        return reduce(add, [*products, b[name]])

    def product(self, block: str, seen: int) -> Expression:
        return matrices(f"R{seen}")[f"{block}_{self.axis}"] @ self.seen[seen]

    def lstm(self, show: str) -> dict[str, Expression]:
        k = self.axis
        i, f, o = (sigmoid(self.sum(gate)) for gate in "ifo")
        g = tanh(self.sum("g"))
        c = f * back[k][f"c_{k}"] + i * g
        h = o * tanh(c) if show == "o * tanh(c)" else tanh(o * c)
        return {f"i_{k}": i, f"f_{k}": f, f"g_{k}": g, f"o_{k}": o, f"c_{k}": c, f"h_{k}": h}

    def gru(self) -> dict[str, Expression]:
        """The hidden states of the other axes are the input; that of the axis itself is the state."""
        k = self.axis
        r, z = sigmoid(self.sum("r")), sigmoid(self.sum("z"))
        n = tanh(self.sum("n", but=k) + r * (self.product("n", k) + b[f"s_{k}"]))
        return {f"r_{k}": r, f"z_{k}": z, f"n_{k}": n, f"h_{k}": (1 - z) * n + z * back[k][f"h_{k}"]}

    def plain(self, activation: str) -> dict[str, Expression]:
        return {f"h_{self.axis}": FUNCTIONS[activation](self.sum("h"))}


def _check(
    axes: int, transform: str, priority: Sequence[int], without_memory: Sequence[int],
    show: str, activation: str,
) -> None:  # fmt: skip
    if isinstance(axes, bool) or not isinstance(axes, int) or axes < 1:
        raise GatewiseError(f"expected axes as a whole number of at least 1, got {axes!r}")
    for name, given in (("priority", priority), ("without_memory", without_memory)):
        if not isinstance(given, Sequence) or not set(given) <= set(range(1, axes + 1)):
            raise GatewiseError(
                f"expected {name} as some of the axes 1 to {axes}, such as (1,), got {given!r}"
            )
    if len(set(priority)) == axes:
        raise GatewiseError(f"priority={priority} names all axes; leave out at least one")
    for name, value, known in (
        ("transform", transform, tuple(ALONG)),
        ("show", show, ("o * tanh(c)", "tanh(o * c)")),
        ("activation", activation, tuple(FUNCTIONS)),
    ):
        if value not in known:
            raise GatewiseError(f"expected {name} as one of {', '.join(known)}, got {value!r}")
