"""A step of a model as two files of C99."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from gatewise.cells.limits import CPP_KEYWORDS
from gatewise.compiler.c_runtime import RUNTIME
from gatewise.engine.choice import backend
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.quantization import quantize as gatewise_quantize
from gatewise.shipping.c.arrays import Array, View, kind_of, whole
from gatewise.shipping.c.constants import Constants
from gatewise.shipping.c.graph import exported, write_graph
from gatewise.shipping.c.source import (
    MARK,
    Argument,
    Model,
    header_text,
    initial_statements,
    member,
    source_text,
)
from gatewise.shipping.c.writer import LOCALS, Writer

NAME = r"[A-Za-z][A-Za-z0-9_]*"
TAKEN = frozenset((*CPP_KEYWORDS, *RUNTIME, *LOCALS))
OWN = re.compile(r"[a-w]|[apq]\d+|v\d+_.*|w_.*|constant_.*|.*_\d+")  # names within the file


@dataclass(frozen=True)
class CFiles:
    """The files of a model in C.

    constants: bytes of weights, in flash; state: bytes of a state, with the memory of a step
    """

    header: Path
    source: Path
    constants: int
    state: int

    def __str__(self) -> str:
        return (
            f"{self.source} and {self.header.name}: {self.constants / 1e3:.1f} kB of constants, "
            f"a state of {self.state / 1e3:.1f} kB"
        )


def export_step(
    module: nn.Module,
    path: Path,
    inputs: Mapping[str, Tensor],
    states: Mapping[str, Tensor],
    outputs: Sequence[str] = ("y",),
    quantize: bool = False,
    about: Sequence[str] = (),
) -> CFiles:
    """Writes a module `forward(*inputs, *states) -> (*outputs, *states)` of one row as `NAME.h` and `NAME.c`.

    path: of the source file; the name of its functions is that of the file
    inputs: an example of each, [1, ...]; states: their values before the first step, [1, ...]
    quantize: whether matrices are int8, with a scale for each row
    about: lines for the comment of the header

    Raises: `GatewiseError` if the name is none of C, or C has no statement for an operator.
    """
    if path.suffix not in (".c", ".h", ""):
        raise GatewiseError(f"expected the path of a C file, such as model.c, got {path}")
    name = path.stem
    if not re.fullmatch(NAME, name) or name in CPP_KEYWORDS:
        raise GatewiseError(
            f"functions are named after the file, and {name!r} is no name in C; use one such as model.c"
        )
    header, source = path.with_suffix(".h"), path.with_suffix(".c")
    for file in (header, source):
        if file != path and file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace"):
            raise GatewiseError(
                f"{str(file)!r} exists and was not written by gatewise: move it, or give another name"
            )
    for one in (*inputs, *outputs):
        if not re.fullmatch(NAME, one) or one in TAKEN or OWN.fullmatch(one):
            raise GatewiseError(f"an argument can't be named {one!r} in C; use a name such as x or voltage")
    for one in states:
        if not re.fullmatch(NAME, one):
            raise GatewiseError(f"a state can't be named {one!r} in C; use a name such as hidden")
    model = _model(name, module, inputs, states, outputs, quantize, about)
    for file, text in ((header, header_text(model)), (source, source_text(model))):
        write_whole(file, partial(_write, text=text))
    return CFiles(header, source, model.constants.bytes, model.state_bytes)


def quantized(module: nn.Module) -> nn.Module:
    """A copy with int8 layers. Raises: `GatewiseError` if one of them can't be int8."""
    has_layers = any(isinstance(one, Int8Layer) and not one.is_int8 for one in module.modules())
    if not has_layers:
        return module
    with backend("reference"):  # without compiling kernels
        found: nn.Module = gatewise_quantize(module)
    return found


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


def _model(
    name: str,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    states: Mapping[str, Tensor],
    outputs: Sequence[str],
    quantize: bool,
    about: Sequence[str],
) -> Model:
    module = quantized(module) if quantize else module
    program = exported(module, (*inputs.values(), *states.values()))
    constants = Constants(quantize)
    writer = Writer(constants)
    views: dict[str, View] = {}
    for place, (own, values) in enumerate([*inputs.items(), *states.items()]):
        text = own if place < len(inputs) else f"state->{member(own)}"
        views[own] = whole(Array(text, values.numel(), kind_of(values.dtype)), values.shape, values.dtype)
    found = write_graph(program, views, writer)
    if len(found) != len(outputs) + len(states):
        raise GatewiseError(
            f"expected {len(outputs)} outputs and {len(states)} states, got {len(found)} tensors"
        )
    results = found[: len(outputs)]
    before = [views[one] for one in states]
    pairs = zip(found[len(outputs) :], before, strict=True)
    after = [_apart(new, old, before, writer) for new, old in pairs]
    for name_of, result in zip(outputs, results, strict=True):
        array = Array(name_of, result.size, result.array.kind)
        _store(whole(array, result.shape, result.dtype), result, writer)
    for old, new in zip(before, after, strict=True):
        if not _is_same(new, old):
            _store(old, new, writer)
    body, memory = writer.body()
    return Model(
        name,
        tuple(about),
        tuple(Argument(own, kind_of(one.dtype), one.numel()) for own, one in inputs.items()),
        tuple(Argument(own, one.array.kind, one.size) for own, one in zip(outputs, results, strict=True)),
        tuple(Argument(member(own), kind_of(one.dtype), one.numel()) for own, one in states.items()),
        memory,
        tuple(writer.functions),
        frozenset(writer.calls),
        tuple(initial_statements(states, constants)),
        tuple(body),
        constants,
    )


def _apart(new: View, old: View, states: Sequence[View], writer: Writer) -> View:
    """A new value of a state, copied if it is a part of the states, which are written one after another."""
    if not _is_same(new, old) and any(new.array is one.array for one in states):
        return writer.copy(new)
    return new


def _is_same(new: View, old: View) -> bool:
    return new.array is old.array and new.offset == old.offset and new.is_contiguous


def _store(target: View, value: View, writer: Writer) -> None:
    writer.assign(target, lambda one: one, [value.reshaped(target.shape) if value.is_contiguous else value])
