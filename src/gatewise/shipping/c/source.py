"""The text of the header and of the source file of a model in C."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells.limits import CPP_KEYWORDS
from gatewise.compiler.c_runtime import definitions
from gatewise.shipping.c.arrays import BYTES, kind_of
from gatewise.shipping.c.constants import Constants
from gatewise.shipping.c.writer import number

MARK = "Written by gatewise."  # in both files, which replace only such files


@dataclass(frozen=True)
class Argument:
    """An argument of the function of a step: a pointer to numbers of a type."""

    name: str
    kind: str
    size: int


@dataclass(frozen=True)
class Model:
    """All that the files of a model consist of.

    states: of a sequence; memory: the size of the memory of a step, by type
    initial: the statements that set the states before the first step; body: those of a step
    functions: of layers; calls: those of the runtime
    """

    name: str
    about: tuple[str, ...]
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    states: tuple[Argument, ...]
    memory: Mapping[str, int]
    functions: tuple[str, ...]
    calls: frozenset[str]
    initial: tuple[str, ...]
    body: tuple[str, ...]
    constants: Constants

    @property
    def members(self) -> list[Argument]:
        """The members of a state, those of the largest alignment first."""
        memory = [
            Argument(f"memory_{kind.removesuffix('_t')}", kind, size) for kind, size in self.memory.items()
        ]
        # Those of eight bytes first, so that there is nothing between them.
        members = [one for one in (*self.states, *memory) if one.size]
        return sorted(members, key=lambda one: -BYTES[one.kind])

    @property
    def state_bytes(self) -> int:
        """The size of a state."""
        return max(sum(one.size * BYTES[one.kind] for one in self.members), 4)


def header_text(model: Model) -> str:
    """The header: sizes, the state, and the functions."""
    name, upper = model.name, model.name.upper()
    guard = f"{upper}_H"
    sizes = [(f"{upper}_{one.name.upper()}_SIZE", one.size) for one in (*model.inputs, *model.outputs)]
    lines = ["/*", *(f" * {_comment(line)}".rstrip() for line in _about(model)), " */"]
    lines += [f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", ""]
    lines += [f"#define {macro} {size}" for macro, size in sizes]
    lines += [f"#define {upper}_CONSTANT_BYTES {model.constants.bytes}", ""]
    lines += ["#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    lines += ["/* What a sequence has left so far, and the memory of a step; the caller has one for each. */"]
    lines += ["typedef struct {"]
    lines += [f"    {one.kind} {one.name}[{one.size}];" for one in model.members] or ["    float unused[1];"]
    lines += [f"}} {name}_state;", ""]
    lines += [
        "/* Sets a state to that before the first step. */",
        f"void {name}_init({name}_state *state);",
        "",
    ]
    lines += ["/* The same, for a new sequence. */", f"void {name}_reset({name}_state *state);", ""]
    lines += ["/* Runs a step. */", f"void {name}_step({_arguments(model)});", ""]
    lines += ["#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */", ""]
    return "\n".join(lines)


def source_text(model: Model) -> str:
    """The source file."""
    name = model.name
    lines = [
        f"/* {MARK} See {name}.h. */",
        f'#include "{name}.h"',
        "",
        "#include <float.h>",
        "#include <math.h>",
        "#include <string.h>",
        "",
    ]
    lines += model.constants.definitions()
    lines += [definitions(model.calls)] if model.calls else []
    lines += model.functions
    lines += [f"void {name}_init({name}_state *state)", "{"]
    lines += [f"    {line}" for line in model.initial] or ["    (void)state;"]
    lines += ["}", "", f"void {name}_reset({name}_state *state)", "{", f"    {name}_init(state);", "}", ""]
    lines += [f"void {name}_step({_arguments(model)})", "{"]
    body = "\n".join(model.body)
    for one in ("state", *(one.name for one in model.inputs)):
        if not re.search(rf"\b{one}\b", body):
            lines.append(f"    (void){one};")
    lines += [f"    {line}" for line in model.body]
    lines += ["}", ""]
    return "\n".join(lines)


def _about(model: Model) -> Iterator[str]:
    yield from model.about
    if model.about:
        yield ""
    name = model.name
    arguments = ", ".join(one.name for one in (*model.inputs, *model.outputs))
    yield f"    {name}_state state;"
    yield f"    {name}_init(&state);"
    yield f"    {name}_step(&state, {arguments}); for each step"
    yield ""
    yield MARK
    yield f"Constants: {model.constants.bytes} bytes. A state: {model.state_bytes} bytes."
    yield "C99, with math.h; no allocation, and no data that is not constant outside the state."


def _comment(text: str) -> str:
    """A text that can't end a comment, in ASCII."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??/", "? ? /")


def _arguments(model: Model) -> str:
    arguments = [f"{model.name}_state *state"]
    arguments += [f"const {one.kind} *{one.name}" for one in model.inputs]
    arguments += [f"{one.kind} *{one.name}" for one in model.outputs]
    return ", ".join(arguments)


def member(name: str) -> str:
    """The member of a state, which is named as the state where C allows it."""
    return f"{name}_" if name in CPP_KEYWORDS else name


def initial_statements(states: Mapping[str, Tensor], constants: Constants) -> Iterator[str]:
    """The statements that set states to values."""
    for state, values in states.items():
        name = member(state)
        kind, flat = kind_of(values.dtype), values.flatten()
        if not flat.numel():
            continue
        if not bool((flat != 0).any()) and not torch.signbit(flat).any():
            yield f"memset(state->{name}, 0, sizeof state->{name});"
        elif bool(((flat == flat[0]) | (flat.isnan() & flat[0].isnan())).all()):
            yield f"for (int i = 0; i < {flat.numel()}; i++)"
            yield f"    state->{name}[i] = {number(flat[0].item(), kind)};"
        else:
            array = constants.array(values)
            yield f"memcpy(state->{name}, {array.name}, sizeof state->{name});"
