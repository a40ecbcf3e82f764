"""The Triton backend: a cell's equations as kernels on a GPU, forward and backward, by several schedules."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.heads import by_head
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PLAIN, Extras
from gatewise.compiler.stages import plan
from gatewise.engine.constants import for_kernels
from gatewise.engine.kernel import factor
from gatewise.engine.native import as_the_states, extras
from gatewise.engine.recording import transformed
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.sequences import in_given_order, in_running_order
from gatewise.engine.shapes import check, check_types
from gatewise.engine.tickets import write_ticket
from gatewise.engine.triton.functions import INSTALLED

FEWEST_STEPS = 4  # an estimate: a call prepares as many launches as this many steps of the reference
PLAIN_TENSORS = (Tensor, torch.nn.Parameter)
MOST_UNITS = 4096  # of a row that a normalizer needs as a whole, which a program holds in registers


class Triton:
    """Runs every cell of sequences and lattices whose states are vectors, with all features, in float32.

    device: the type of device of the tensors; on the CPU, the kernels run in Triton's interpreter only

    A step, of a lattice a diagonal, is a matrix product and a kernel for each stage of the cell; on a GPU,
    sixteen steps are recorded as a graph if there are many. If no product is between states of two steps,
    one launch runs a stage for all steps. Under autocast to bfloat16, the factors of products and the
    products are rounded to bfloat16, all else is float32. Second gradients are those of float32 products.
    """

    name = "triton"

    def __init__(self, device: str = "cuda") -> None:
        self.device = device

    def refusal(self, request: Request) -> str | None:
        return self._mode(request) or _cell(request) or self._dtypes(request)

    def run(self, request: Request) -> LayerResult:
        check(request)
        check_types(request)
        if not torch.is_autocast_enabled(self.device):
            return _run(request, bfloat16=False)
        state = {name: one.float() for name, one in request.state.items()}
        with torch.autocast(self.device, enabled=False):
            result = _run(replace(request, inputs=request.inputs.float(), state=state), bfloat16=True)
        return as_the_states(request, result)

    def _mode(self, request: Request) -> str | None:
        if request.inputs.device.type != self.device:  # first, as this is asked of every request on a CPU
            return f"it supports tensors on {self.device}, not on {request.inputs.device.type}"
        if not INSTALLED:
            return "triton can't be imported; PyTorch for GPUs installs it on Linux"
        if _steps(request) < FEWEST_STEPS:
            return f"fewer than {FEWEST_STEPS} steps take less time on the reference"
        tensors = (request.inputs, *request.state.values(), *request.parameters.values())
        for one in tensors:
            if type(one) not in PLAIN_TENSORS:
                return f"it supports plain tensors, not {type(one).__name__}"
            if one.device != request.inputs.device:
                return f"it supports tensors on one device, not on {request.inputs.device} and {one.device}"
        if transformed(tensors):
            return "it supports reverse-mode gradients only, and no vmap"
        return None

    def _dtypes(self, request: Request) -> str | None:
        values = {one.dtype for one in (request.inputs, *request.state.values())}
        weights = {one.dtype for one in request.parameters.values()}
        if weights != {torch.float32}:
            return f"it supports float32 weights, not {', '.join(sorted(map(str, weights)))}"
        if not torch.is_autocast_enabled(self.device):
            others = ", ".join(sorted(map(str, values)))
            return None if values == weights else f"it supports float32, not {others}"
        if torch.get_autocast_dtype(self.device) != torch.bfloat16:
            return "it supports autocast to bfloat16 only"
        fits = values <= {torch.float32, torch.bfloat16}
        return None if fits else "under autocast it supports values in float32 or bfloat16"


def _steps(request: Request) -> int:
    """The steps of a sequence, or the diagonals of a lattice."""
    axes = request.cell.axes
    return sum(request.inputs.shape[:axes]) - axes + 1


def _cell(request: Request) -> str | None:
    """What a cell has that these kernels don't support, or None."""
    cell = request.cell
    function = by_head(cell)
    if function is not None:
        return f"it supports no function between the units of a head, such as {function}"
    if 0 in request.inputs.shape[:-1]:
        return "the batch is empty"
    if cell.axes > 1 and (request.resets is not None or request.heads > 1 or extras(request) != PLAIN):
        return "over lattices it supports no resets, zoneout, masks, projections and heads"
    units = request.keys * request.heads
    if layout(cell).normalized and units > MOST_UNITS:
        return f"it supports normalizers of at most {MOST_UNITS} units, not of {units}"
    return None


def _run(request: Request, bfloat16: bool) -> LayerResult:
    """A request in float32."""
    from gatewise.engine.triton.lattice_operator import run_lattice  # imports all of PyTorch's compiler
    from gatewise.engine.triton.operator import run_steps

    given = for_kernels(request, by_head=request.heads > 1)
    if given.cell.axes > 1:
        ticket, _, intermediates = _facts(given.cell, extras(given), tuple(given.parameters))
        return run_lattice(given, ticket, intermediates, bfloat16)
    running, inside = in_running_order(given)
    own = extras(running)
    ticket, names, intermediates = _facts(running.cell, own, tuple(running.parameters))
    factors = [factor(running, name).to(torch.float32) for name in names]
    found = run_steps(running, ticket, factors, bfloat16)
    left = 1 + len(running.cell.previous)
    final = dict(zip(running.cell.previous, found[1:left], strict=True))
    values = {running.cell.state[0]: found[0]}
    if running.trace:
        values |= _traced(running, intermediates, found[left], found[left + 1])
    return in_given_order(given, values, final, inside)


def _facts(
    cell: CellType, own: Extras, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The ticket of the operator, the names of factors, and those of the lines that it saves."""
    stages = plan(cell, own)
    return write_ticket(cell, own, names), stages.program.factors, stages.intermediates


# As by `torch.compiler.assume_constant_result`, which would import all of PyTorch's compiler here.
_facts._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _traced(
    request: Request, intermediates: tuple[str, ...], states: Tensor, kept: Tensor
) -> dict[str, Tensor]:
    """The states and gates of every step, beside the output."""
    cell, units = request.cell, request.keys * request.heads
    found = {name: states[1:, place, :, :units] for place, name in enumerate(cell.state) if place}
    for name in cell.intermediates:
        if name not in cell.state:
            found[name] = kept[:, intermediates.index(name), :, :units]
    return found
