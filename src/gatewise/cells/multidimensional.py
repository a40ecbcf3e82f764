"""Cells of a lattice of N axes, each position with one predecessor along every axis; made for any N."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from math import log
from operator import add

from gatewise.cells.base import Cell, CellType
from gatewise.cells.expressions import Expression
from gatewise.cells.notation import W, back, matrices, p, sigmoid, tanh, x
from gatewise.errors import GatewiseError

GRAVES = "Graves, Fernandez and Schmidhuber 2007, Multi-dimensional recurrent neural networks"
LEIFERT = "Leifert et al. 2016, Cells in multidimensional recurrent neural networks"


@lru_cache(maxsize=None, typed=True)
def mdrnn(axes: int) -> CellType:
    """A tanh unit that sees its neighbours: `h = tanh(W x + sum_k R_k h_k)`, h_k being h one back along k.

    >>> mdrnn(2)
    MDRNN2(state: h; gates: none)
    """
    lines = {"h": tanh(_seen("h", axes))}
    return _cell("MDRNN", axes, "A tanh unit that sees its neighbour along each axis.", GRAVES, ("h",), lines)


@lru_cache(maxsize=None, typed=True)
def mdgru(axes: int) -> CellType:
    """A gated recurrent unit; for one axis the plain GRU. `u_k` share out what is kept among the neighbours.

    `h = (1 - z) * n + z * (a mixture of all h_k)`, `n = tanh(W x + sum_k r_k * (R_k h_k))`.

    >>> mdgru(2)
    MDGRU2(state: h; gates: r_1, r_2, z, u_1)
    """
    lines = {f"r_{k}": sigmoid(_seen(f"r_{k}", axes)) for k in _axes(axes)}
    lines["z"] = sigmoid(_seen("z", axes))
    mixture = _mixture("h", axes, lines)
    lines["n"] = tanh(_sum([W.n @ x, *(lines[f"r_{k}"] * (_matrix(k).n @ back[k].h) for k in _axes(axes))]))
    lines["h"] = (1 - lines["z"]) * lines["n"] + lines["z"] * mixture
    about = "Gated recurrent unit that mixes its neighbours along each axis."
    return _cell("MDGRU", axes, about, "Cho et al. 2014, over neighbours as in MDRNN", ("h",), lines)


def mdlstm(axes: int, peephole: bool = False) -> CellType:
    """LSTM with a forget gate for each axis: `c = sum_k f_k * c_k + i * g`; for one axis the plain LSTM.

    peephole: the gates read the cell states as in the paper, `f_k` that of its own axis, `o` the new one

    >>> mdlstm(2)
    MDLSTM2(state: h, c; gates: i, f_1, f_2, o)
    """
    return _mdlstm(axes, bool(peephole))


@lru_cache(maxsize=None, typed=True)
def _mdlstm(axes: int, peephole: bool) -> CellType:
    known = [(f"p{k}", back[k].c) for k in _axes(axes)] if peephole else []
    into = [p[f"i_{k}"] * memory for k, (_, memory) in enumerate(known, 1)]
    lines = {"i": sigmoid(_sum([_seen("i", axes), *into]))}
    for k in _axes(axes):
        own = [p[f"f_{k}"] * back[k].c] if peephole else []
        lines[f"f_{k}"] = sigmoid(_sum([_seen(f"f_{k}", axes), *own]))
    lines["g"] = tanh(_seen("g", axes))
    kept = [lines[f"f_{k}"] * back[k].c for k in _axes(axes)]
    lines["c"] = _sum(kept) + lines["i"] * lines["g"]
    shown = [p.o * lines["c"]] if peephole else []
    lines["o"] = sigmoid(_sum([_seen("o", axes), *shown]))
    lines["h"] = lines["o"] * tanh(lines["c"])
    name = "PeepholeMDLSTM" if peephole else "MDLSTM"
    about = "LSTM with a forget gate for each axis" + (" and peepholes." if peephole else ".")
    even = -log(axes - 1) if axes > 1 else 1.0  # forget gates sum to one, so that c does not grow
    initial_bias = {f"f_{k}": even for k in _axes(axes)}
    return _cell(name, axes, about, GRAVES, ("h", "c"), lines, initial_bias)


@lru_cache(maxsize=None, typed=True)
def leaky_mdlstm(axes: int) -> CellType:
    """LSTM whose cell state is a convex mixture of the old cell states and the candidate, so it can't grow.

    `c = f * (a mixture of all c_k) + (1 - f) * g`; with `sum_k f_k * c_k` the cell state can grow with the
    number of paths. For two axes the mixture is `u_1 * c_1 + (1 - u_1) * c_2`.

    >>> leaky_mdlstm(2)
    LeakyMDLSTM2(state: h, c; gates: u_1, f, o)
    """
    lines: dict[str, Expression] = {}
    mixture = _mixture("c", axes, lines)
    lines["f"] = sigmoid(_seen("f", axes))
    lines["g"] = tanh(_seen("g", axes))
    lines["c"] = lines["f"] * mixture + (1 - lines["f"]) * lines["g"]
    lines["o"] = sigmoid(_seen("o", axes))
    lines["h"] = lines["o"] * tanh(lines["c"])
    about = "LSTM whose cell state is a mixture of its neighbours and the candidate, and stays bounded."
    return _cell("LeakyMDLSTM", axes, about, LEIFERT, ("h", "c"), lines, {"f": 1.0})


def _axes(axes: int) -> range:
    """1 to N. Raises: `GatewiseError` if N is not a whole number of at least 1."""
    if isinstance(axes, bool) or not isinstance(axes, int) or axes < 1:
        raise GatewiseError(f"expected axes as a whole number of at least 1, got {axes!r}")
    return range(1, axes + 1)


def _matrix(axis: int):  # type: ignore[no-untyped-def]
    """The family of matrices for the hidden state before along an axis."""
    return matrices(f"R{axis}")


def _seen(block: str, axes: int) -> Expression:
    """`W x + sum_k R_k h_k` for one gate; W adds the bias."""
    return _sum([W[block] @ x, *(_matrix(k)[block] @ back[k].h for k in _axes(axes))])


def _mixture(state: str, axes: int, lines: dict[str, Expression]) -> Expression:
    """The weighted mean of a state's neighbours; gates `u_k` divide the total weight of one."""
    *first, last = _axes(axes)
    mixed: Expression = back[last][state]
    for k in reversed(first):
        gate = lines[f"u_{k}"] = sigmoid(_seen(f"u_{k}", axes))
        mixed = gate * back[k][state] + (1 - gate) * mixed
    return mixed


def _sum(terms: Sequence[Expression]) -> Expression:
    return reduce(add, terms)


def _cell(
    name: str, axes: int, about: str, source: str, state: tuple[str, ...],
    lines: dict[str, Expression], initial_bias: dict[str, float] | None = None,
) -> CellType:  # fmt: skip
    body = {"__doc__": about, "source": source, "state": state, "initial_bias": initial_bias or {}, **lines}
    return CellType(f"{name}{axes}", (Cell,), body)
