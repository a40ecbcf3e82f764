"""The kernels as operators of PyTorch, for what compiles and exports.

A ticket, JSON, says which cell it is, so that an exported graph holds the equations and no code. Who
loads such a graph with `torch.export.load` imports `gatewise.engine.operators` before.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.exchange import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PROJECTION, Extras
from gatewise.engine.compiling import BuildError
from gatewise.engine.differentiable import Asked, by_kernel, result, shown
from gatewise.engine.kernel import NUMBERS, Kernel, Run, factor, kernel
from gatewise.engine.request import Request, Result, Trace
from gatewise.engine.shapes import check_lengths
from gatewise.errors import GatewiseError
from gatewise.plain import one_line, parse_json

LONGEST_TICKET = 1 << 20
_cells: dict[str, CellType] = {}  # those of this process, by their data

INPUTS = (
    "Tensor inputs, Tensor[] parameters, Tensor[] state, Tensor? lengths, Tensor? resets, Tensor[] factors, "
    "str ticket, bool reverse, bool trace, bool recompute"
)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def ticket(cell: CellType, names: tuple[str, ...], zoned: tuple[str, ...], masked: bool, number: str) -> str:
    """What an operator must know of a cell; empty where no kernel can be had."""
    extras = Extras(PROJECTION in names, zoned, masked)
    if number not in NUMBERS.values():
        return ""
    dtype = next(one for one, name in NUMBERS.items() if name == number)
    try:
        kernel(cell, extras, dtype)
    except BuildError:
        return ""
    data = json.dumps(to_data(cell))
    _cells[data] = cell
    return json.dumps({"cell": data, "extras": asdict(extras), "parameters": names})


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _places(ticket: str, number: str) -> tuple[int, ...]:
    """The blocks of the first parameter; and where each inner line is kept, -1 for a state."""
    dtype = next(one for one, name in NUMBERS.items() if name == number)
    chosen, _ = _known(ticket, dtype)
    places = (chosen.kept.index(name) if name in chosen.kept else -1 for name in chosen.cell.inner)
    return (len(chosen.first.blocks), *places)


@cache
def _known(ticket: str, dtype: torch.dtype) -> tuple[Kernel, tuple[str, ...]]:
    """The kernel of a ticket, and the names of the parameters in their order."""
    if len(ticket) > LONGEST_TICKET:
        raise GatewiseError(f"a ticket of {len(ticket)} characters is larger than {LONGEST_TICKET}")
    try:
        match parse_json(ticket):
            case {
                "cell": str(data),
                "extras": {"projected": bool(projected), "zoned": [*zoned], "masked": bool(masked)},
                "parameters": [*names],
            }:
                cell = _cells.get(data) or from_data(parse_json(data))
            case _:
                raise ValueError("expected a cell, its extras and the names of its parameters")
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"the ticket of a gatewise operator can't be read: {one_line(error)}") from error
    if any(one not in cell.state for one in zoned) or len(set(map(str, zoned))) < len(zoned):
        raise GatewiseError(
            f"the ticket of a gatewise operator zones {reprlib.repr(zoned)}; the states of "
            f"{cell.__name__} are {', '.join(cell.state)}"
        )
    needed = {one.name for one in layout(cell).of(bias=False)} | ({PROJECTION} if projected else set())
    known = {one.name for one in layout(cell).parameters} | ({PROJECTION} if projected else set())
    given = {one for one in names if isinstance(one, str)}
    if len(given) < len(names) or not needed <= given <= known:
        raise GatewiseError(
            f"the ticket of a gatewise operator names {reprlib.repr(names)}; expected the parameters of "
            f"{cell.__name__}, {', '.join(sorted(known))}"
        )
    return kernel(cell, Extras(projected, tuple(zoned), masked), dtype), tuple(names)


def serve(request: Request) -> Result | None:
    """Runs a request by the operator; None where it can't be served so."""
    cell, inputs = request.cell, request.inputs
    tensors = [inputs, *request.parameters.values(), *request.state.values()]
    if any(one.device.type != "cpu" or one.dtype != inputs.dtype for one in tensors):
        return None
    if torch.is_autocast_enabled("cpu") or not cell.of_sequences:
        return None
    zoned = tuple(name for name in cell.state if name in request.zoneout)
    number = str(inputs.dtype).replace("torch.float32", "float").replace("torch.float64", "double")
    own = ticket(cell, tuple(request.parameters), zoned, request.hidden_mask is not None, number)
    if not own:
        return None
    factors = (*zoned, *(["mask"] if request.hidden_mask is not None else []))
    keep = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
    results = torch.ops.gatewise.along(
        inputs, list(request.parameters.values()), [request.state[name] for name in cell.state],
        request.lengths, request.resets, [factor(request, name) for name in factors], own,
        request.directions[0], request.trace, request.recompute, keep,
    )  # fmt: skip
    return _result(request, own, number, results)


def _result(request: Request, ticket: str, number: str, results: Sequence[Tensor]) -> Result:
    states, cell = request.cell.state, request.cell
    final = dict(zip(states, results[1 : 1 + len(states)], strict=True))
    trace = None
    if request.trace:
        history = dict(zip(states, [results[0], *results[1 + len(states) :]], strict=False))
        blocks, *places = _places(ticket, number)
        units, inner = next(iter(request.parameters.values())).shape[0] // blocks, results[-1]
        gates = zip(cell.inner, places, strict=True)
        trace = Trace(
            history,
            {name: history[name] if name in history else inner[:, :, at, :units] for name, at in gates},
        )
    return Result(results[0], final, trace)


def _run(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    resets: Tensor | None, factors: Sequence[Tensor], ticket: str, reverse: bool, trace: bool,
    recompute: bool,
) -> tuple[Kernel, Run]:  # fmt: skip
    """An operator's arguments as a run of its kernel."""
    chosen, names = _known(ticket, inputs.dtype)
    given = dict(zip(chosen.plan.program.factors, factors, strict=True))
    request = Request(
        chosen.cell, inputs.contiguous(), dict(zip(names, parameters, strict=True)),
        dict(zip(chosen.cell.state, state, strict=True)), lengths, resets, reverse,
        zoneout={name: one for name, one in given.items() if name != "mask"}, hidden_mask=given.get("mask"),
        trace=trace, recompute=recompute,
    )  # fmt: skip
    if lengths is not None:
        check_lengths(lengths, len(inputs))
    return chosen, chosen.prepared(request)


@torch.library.custom_op("gatewise::along", mutates_args=(), schema=f"({INPUTS}, bool keep) -> Tensor[]")
def along(inputs: Tensor, *rest: Any) -> list[Tensor]:
    """Output and last states of a cell along sequences; if kept or traced, all states and what is inside."""
    *arguments, keep = rest
    chosen, run = _run(inputs, *arguments)
    chosen.forward([run], keep)
    widths = [run.request.state[name].shape[1] for name in chosen.cell.state]
    history = [shown(one, width) for one, width in zip(run.history, widths, strict=True)]
    final = list(result(chosen, run).final.values())
    if not keep and not run.request.trace:
        return [history[0], *final]
    inner = run.inner if run.request.trace or not run.request.recompute else None
    return [history[0], *final, *history[1:], *([] if inner is None else [inner])]


@along.register_fake
def _along_fake(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any
) -> list[Tensor]:
    ticket, trace, recompute, keep = rest[3], rest[5], rest[6], rest[7]
    chosen, names = _known(ticket, inputs.dtype)
    steps, batch = inputs.shape[:2]

    def rows(*shape: Any) -> Tensor:
        width = shape[-1]
        return inputs.new_empty(*shape[:-1], chosen.padded(width))[..., :width]

    widths = [one.shape[1] for one in state]
    history = [rows(steps, batch, width) for width in widths]
    final = [inputs.new_empty(batch, width) for width in widths]
    if not keep and not trace:
        return [history[0], *final]
    units = chosen.padded(chosen.units(dict(zip(names, parameters, strict=True))))
    inner = [inputs.new_empty(steps, batch, len(chosen.kept), units)]
    return [history[0], *final, *history[1:], *(inner if chosen.kept and (trace or not recompute) else [])]


@torch.library.custom_op(
    "gatewise::along_backward", mutates_args=(),
    schema=f"(Tensor?[] gradients, bool[] wanted, Tensor[] history, Tensor? inner, {INPUTS}) -> Tensor[]",
)  # fmt: skip
def along_backward(
    gradients: Sequence[Tensor | None], wanted: Sequence[bool], history: Sequence[Tensor],
    inner: Tensor | None, *arguments: Any,
) -> list[Tensor]:  # fmt: skip
    """The gradients by inputs, parameters and states, those that are wanted."""
    chosen, run = _run(*arguments)
    kept = [chosen.filled_up(one) for one in history]
    run = replace(run, history=kept, final=[None] * len(kept), inner=inner)
    states = len(kept)
    by_history = [gradients[0], *([None] * (states - 1))]
    by_inner = None
    if run.request.trace:
        by_history = [gradients[0], *gradients[1 + states : 2 * states]]
        given = gradients[2 * states] if inner is not None else None
        by_inner = None if given is None else given.contiguous()
    (found,) = by_kernel(chosen, [Asked(run, by_history, gradients[1 : 1 + states], by_inner, wanted)])
    return [one.contiguous() for one in found if one is not None]


@along_backward.register_fake
def _along_backward_fake(
    gradients: Sequence[Tensor | None], wanted: Sequence[bool], history: Sequence[Tensor],
    inner: Tensor | None, inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any,
) -> list[Tensor]:  # fmt: skip
    tensors = [inputs, *parameters, *state]
    return [one.new_empty(one.shape) for one, want in zip(tensors, wanted, strict=True) if want]


def _keep_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    own, parameters, state, lengths, resets, factors, *ctx.settings, _ = inputs
    ctx.sizes = [len(parameters), len(state), len(factors)]
    ctx.given = [one is not None for one in (lengths, resets)]
    given = [one for one in (lengths, resets) if one is not None]
    ctx.outputs = len(output)
    ctx.save_for_backward(own, *parameters, *state, *factors, *given, *output)


def _gradient(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    parameters, states, factors = ctx.sizes
    saved = list(ctx.saved_tensors)
    output, own = saved[len(saved) - ctx.outputs :], iter(saved)
    inputs = next(own)
    weights, state = [next(own) for _ in range(parameters)], [next(own) for _ in range(states)]
    masks = [next(own) for _ in range(factors)]
    lengths, resets = (next(own) if there else None for there in ctx.given)
    history = [output[0], *output[1 + states : 2 * states]]
    inner = output[2 * states] if len(output) > 2 * states else None
    wanted = [one.requires_grad for one in (inputs, *weights, *state)]
    found = iter(
        torch.ops.gatewise.along_backward(
            list(gradients),
            wanted,
            history,
            inner,
            inputs,
            weights,
            state,
            lengths,
            resets,
            masks,
            *ctx.settings,
        )
    )
    by = [next(found) if want else None for want in wanted]
    lists = by[1 : 1 + parameters], by[1 + parameters :]
    return by[0], *lists, None, None, [None] * factors, *[None] * (len(ctx.settings) + 1)


along.register_autograd(_gradient, setup_context=_keep_for_gradient)
