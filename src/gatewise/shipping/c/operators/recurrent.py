"""Recurrent layers: a function for a step of each, printed from its equations, and loops over steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.c_step import step_function
from gatewise.compiler.c_values import LayerSizes, Weights
from gatewise.compiler.constants import with_constants
from gatewise.compiler.program import PROJECTION
from gatewise.engine.constants import with_vectors
from gatewise.engine.int8 import scale_name
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError
from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer
from gatewise.shipping.recorded import LayerEquations


def _recurrent(writer: Writer, call: Call) -> list[View]:
    own = LayerEquations.from_json(call["equations"])
    inputs, given = writer.contiguous(call["inputs"]), call["parameters"]
    if not all(isinstance(one, Tensor) for one in given):
        raise NotImplementedError("with weights that are computed in each step")
    if call.result.dtype != torch.float32:
        raise GatewiseError(
            "a layer of the model is float64, and C files have float32 weights; convert the model by .float()"
        )
    steps, rows, width = inputs.shape
    parameters = dict(zip(own.parameters, given, strict=True))
    output = call.result
    outputs = output.shape[-1]
    units = parameters[PROJECTION].shape[1] if PROJECTION in parameters else outputs
    sizes = LayerSizes(width, units, outputs, own.heads)
    name = f"{own.cell.__name__.lower().lstrip('_')}_{len(writer.functions)}"
    made = _function(writer, name, own, parameters, sizes)
    final = [one if place in call.in_place else writer.copy(one) for place, one in enumerate(call["state"])]
    memory = writer.new((max(made, 1),), torch.float32)
    elapsed = writer.contiguous(call["elapsed"]) if call.get("elapsed") is not None else None
    lengths = writer.contiguous(call["lengths"]) if call.get("lengths") is not None else None
    single = steps == 1 and lengths is None
    out = final[0] if single else writer.new(output.shape, output.dtype)
    for one in (inputs, memory, out, *final):
        writer.use(one)
    row = "row" if rows > 1 else "0"
    arguments = [_beyond(inputs, _row("step", row, rows, width, single))]
    arguments += [_beyond(one, _times(row, one.size // rows)) for one in final]
    if own.cell.reads_elapsed:
        # The times of a reversed layer are in the order in which it runs.
        run = f"{'length' if lengths is not None else steps} - 1 - step" if own.reverse else "step"
        place = _row(f"({run})", row, rows, 1, single)
        arguments.append("1.0f" if elapsed is None else f"{elapsed.array.name}[{elapsed.offset} + {place}]")
    step = f"{name}({', '.join([*arguments, memory.address])});"
    lines = [step]
    if not single:
        lines = _loop(own, writer, out, final[0], lengths, steps, rows, step)
    if rows > 1:
        lines = [f"for (int row = 0; row < {rows}; row++) {{", *("    " + one for one in lines), "}"]
    writer.write(*lines)
    if single:
        return [out.reshaped(output.shape), *final]
    return [out, *final]


def _loop(
    own: LayerEquations, writer: Writer, out: View, state: View, lengths: View | None, steps: int, rows: int,
    step: str,
) -> list[str]:  # fmt: skip
    """The steps of one row; beyond its length the output is zero."""
    width, row = out.shape[-1], "row" if rows > 1 else "0"
    target = _beyond(out, _row("step", row, rows, width, False))
    count = str(steps)
    lines = []
    if lengths is not None:
        writer.use(lengths)
        lines.append(f"const int length = {lengths.array.name}[{lengths.offset} + {row}];")
        count = "length"
    header = f"for (int step = 0; step < {count}; step++) {{"
    if own.reverse:
        header = f"for (int step = {count} - 1; step >= 0; step--) {{"
    lines += [
        header,
        f"    {step}",
        f"    memcpy({target}, {_beyond(state, _times(row, width))}, {width} * sizeof(float));",
        "}",
    ]
    if lengths is not None:
        lines += [
            f"for (int step = length; step < {steps}; step++)",
            f"    memset({target}, 0, {width} * sizeof(float));",
        ]
    return lines


def _function(
    writer: Writer, name: str, own: LayerEquations, parameters: dict[str, Tensor], sizes: LayerSizes
) -> int:
    """Writes the function of a step. Returns: the number of floats that it needs."""
    empty = torch.empty(1, 1, sizes.inputs)
    request = with_vectors(Request(own.cell, empty, parameters, {}, heads=own.heads))
    cell, _ = with_constants(own.cell)
    arrays = {}
    for parameter, values in request.parameters.items():
        if parameter.endswith(scale_name("")):
            continue
        scales = request.parameters.get(scale_name(parameter))
        array = writer.constants.array(values, "int8_t" if values.dtype == torch.int8 else None)
        arrays[parameter] = Weights(
            array.name, None if scales is None else writer.constants.array(scales).name
        )
    made = step_function(name, cell, sizes, arrays, own.zoneout, own.cell)
    writer.functions.append(made.text)
    writer.calls |= made.calls
    return made.memory


def _row(step: str, row: str, rows: int, width: int, single: bool) -> str:
    """The offset of a row of a step in [T, B, width]."""
    place = row if single else step if rows == 1 else f"({step} * {rows} + {row})"
    return _times(place, width)


def _times(index: str, width: int) -> str:
    return index if width == 1 or index == "0" else f"{index} * {width}"


def _beyond(view: View, offset: str) -> str:
    return view.address if offset == "0" else f"{view.address} + {offset}"


OPERATORS: dict[str, Callable[[Writer, Call], Any]] = {"recurrent": _recurrent}
