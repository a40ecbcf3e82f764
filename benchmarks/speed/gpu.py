"""The kernels of GPUs: first whether they are right, then their speed beside eager PyTorch, cuDNN and others.

Run with `python benchmarks/speed/gpu.py` on a machine with a GPU; it takes at most ten minutes. Without one
it reports that and ends; with `TRITON_INTERPRET=1` it first runs the checks, on small sizes, in Triton's
interpreter.

Checks: outputs and gradients of six cells, by every schedule, and of lattices, in float32, tf32 and bfloat16,
against the reference in float64, in memory that was filled with NaN before, and whether two calls return the
same bits. Times: medians of calls between events of the GPU, in ms. A ratio below 1 is a loss, and is shown
like any other. TorchRL and FlashRNN are compared where they are installed. After nine minutes, in which
kernels are compiled, too, the rest is left out.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain

import gpu_others
import torch
from torch import Tensor

import gatewise
from gatewise.cells import GRU, LSTM, SLSTM, Cell, R, W, cells, mdlstm, prev, sigmoid, tanh, x
from gatewise.engine.triton.backend import Triton
from gatewise.engine.triton.choice import ONE_LAUNCH, RESIDENT, SCAN, STEPS, schedules

BUDGET = 540.0  # seconds, after which nothing more is measured
SHAPES = [(16, 512), (1, 128), (16, 128), (16, 1024), (64, 256), (64, 1024), (256, 512)]  # B, H
SMALL = [(16, 64), (16, 128), (256, 128)]  # B, H, of a head
STEPS_OF_CALL, LONG = 256, 4096
CALLS = 7
TOLERANCE = {"float32": 1e-5, "tf32": 5e-3, "bfloat16": 5e-2}  # of norms, relative
begin = time.monotonic()


class Leaky(Cell):
    """A user's own cell."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ prev.h)
    h = f * prev.h + (1 - f) * g


NAMES = ("PeepholeLSTM", "ChoGRU", "LayerNormLSTM", "SLSTM", "MinGRU")
CELLS = {**{name: cells()[name] for name in NAMES}, "Leaky": Leaky}
TIMED = {name: CELLS[name] for name in ("PeepholeLSTM", "LayerNormLSTM", "SLSTM", "Leaky")}


@contextmanager
def precision(kind: str, device: str) -> Iterator[None]:
    """Products in float32, tf32 or bfloat16."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    try:
        with torch.autocast(device, torch.bfloat16) if kind == "bfloat16" else nullcontext():
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def gradients(layer: torch.nn.Module, values: Tensor, **options: Tensor) -> list[Tensor]:
    """The output and the gradients of a call."""
    output = layer(values, **options)[0]
    weight = torch.linspace(-1, 1, output.numel(), device=output.device, dtype=output.dtype)
    loss = (output * weight.view_as(output)).sum()
    return [output.detach(), *torch.autograd.grad(loss, [values, *layer.parameters()])]


def poison(device: str) -> None:
    """Fills free memory with NaN, which the next tensors are given."""
    spoilt = [torch.full((1 << shift,), torch.nan, device=device) for shift in range(8, 25)]
    del spoilt


def is_right(
    name: str,
    backend: Triton,
    layer: torch.nn.Module,
    exact: torch.nn.Module,
    values: Tensor,
    **options: Tensor,
) -> bool:
    """Whether a layer is right in every precision. Prints the errors. exact: the same layer in float64"""
    right, device = True, values.device.type
    exact.load_state_dict(layer.state_dict())
    with gatewise.backend("reference"):
        wanted = gradients(exact, values.detach().double().requires_grad_(), **options)
    for kind, tolerance in TOLERANCE.items():
        runs = []
        for _ in range(2):
            poison(device)
            with precision(kind, device), gatewise.backend(backend):
                runs.append(gradients(layer, values, **options))
        pairs = zip(runs[0], wanted, strict=True)
        error = max(float((a - b).norm() / b.norm().clamp(min=1e-6)) for a, b in pairs)
        same = all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
        good = error <= tolerance and same
        right = right and good
        bits = "the same bits twice" if same else "OTHER BITS IN A SECOND CALL"
        print(f"{name:14}{kind:9}{error:9.1e}  {bits}{'' if good else '  WRONG'}", flush=True)
    return right


def check(device: str, backend: Triton, batch: int, units: int, steps: int) -> bool:
    """Whether every cell is right, by the schedules of the context."""
    right = True
    lengths = torch.randint(0, steps + 1, (batch,), device=device)
    resets = torch.rand(steps, batch, device=device) < 0.1
    for name, cell, heads in [*((name, cell, 1) for name, cell in CELLS.items()), ("SLSTM, heads", SLSTM, 4)]:
        layer, exact = (
            gatewise.Recurrent(cell, 32, units, heads=heads, bidirectional=True, device=device, dtype=dtype)
            for dtype in (torch.float32, torch.float64)
        )
        values = torch.randn(steps, batch, 32, device=device, requires_grad=True)
        right = is_right(name, backend, layer, exact, values, lengths=lengths, resets=resets) and right
    return right


def check_lattices(device: str, backend: Triton, batch: int, units: int, size: int) -> bool:
    """Whether a lattice in one direction, and a grid along time and depth, are right."""
    print(f"\nlattices: {batch} x {units}", flush=True)
    sizes = torch.randint(1, size + 1, (batch, 2), device=device)
    images = torch.randn(batch, size, size, 8, device=device, requires_grad=True)
    series = torch.randn(batch, 3 * size, 8, device=device, requires_grad=True)
    lattice, exact_lattice, grid, exact_grid = (
        make(8, units, device=device, dtype=dtype, **options)
        for make, options in ((gatewise.MDLSTM, {"axes": 2}), (gatewise.GridLSTM, {"depth": 3}))
        for dtype in (torch.float32, torch.float64)
    )
    right = is_right("MDLSTM", backend, lattice, exact_lattice, images, sizes=sizes)
    return is_right("GridLSTM", backend, grid, exact_grid, series) and right


def median(run: Callable[[], object]) -> float:
    """The median time of a call in ms."""
    times = []
    for number in range(CALLS + 2):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        run()
        last.record()
        torch.cuda.synchronize()
        if number >= 2:
            times.append(first.elapsed_time(last))
    return statistics.median(times)


def both_times(
    run: Callable[[Tensor], Tensor], layer: torch.nn.Module, values: Tensor
) -> tuple[float, float]:
    """The times of a forward pass in inference, and of one with its gradient."""

    def forward() -> None:
        with torch.no_grad():
            run(values)

    def both() -> None:
        torch.autograd.grad(run(values).sum(), [values, *layer.parameters()])

    return median(forward), median(both)


def compiled_steps(cell: type[Cell], layer: gatewise.Recurrent, units: int) -> Callable[[Tensor], Tensor]:
    """A loop over a step that `torch.compile` replays as a graph."""
    step = gatewise.RecurrentCell(cell, units, units, device="cuda")
    step.load_state_dict({name.removesuffix("_l0"): one for name, one in layer.state_dict().items()})
    compiled = torch.compile(step, mode="reduce-overhead")

    @torch.no_grad()
    def run(values: Tensor) -> Tensor:
        state, outputs = None, []
        with gatewise.backend("reference"):
            for value in values:
                torch.compiler.cudagraph_mark_step_begin()
                state = compiled(value, state)
                state = tuple(one.clone() for one in state) if isinstance(state, tuple) else state.clone()
                outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs)

    return run


def show(what: str, ours: tuple[float, ...], theirs: dict[str, tuple[float, ...]]) -> None:
    """A line: our times, and each other's as a multiple."""
    others = "  ".join(
        f"{name} {' '.join(f'{b / a:.2f}x' for a, b in zip(ours, times, strict=False))}"
        for name, times in theirs.items()
    )
    print(f"{what:36}{' '.join(f'{one:8.2f}' for one in ours)}   {others}", flush=True)


def on(name: str, layer: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    """A call of a layer on a backend."""

    def run(values: Tensor, **options: Tensor) -> Tensor:
        with gatewise.backend(name):
            return layer(values, **options)[0]

    return run


def few_units() -> Iterator[None]:
    """Resident matrices beside the steps one by one, in bfloat16."""
    print(
        "\nbfloat16, T = 256: resident matrices, and steps one by one as a multiple; wanted: 2x or more",
        flush=True,
    )
    cases = [(name, cell, 1) for name, cell in {"LSTM": LSTM, "GRU": GRU, **TIMED}.items()]
    for batch, units in SMALL:
        for name, cell, heads in [*cases, ("SLSTM, 4 heads,", SLSTM, 4)]:
            yield
            layer = gatewise.Recurrent(cell, units * heads, units * heads, heads=heads, device="cuda")
            values = torch.randn(STEPS_OF_CALL, batch, units * heads, device="cuda", requires_grad=True)
            times = []
            for one in (RESIDENT, STEPS):
                with precision("bfloat16", "cuda"), schedules(one):
                    times.append(both_times(on("triton", layer), layer, values))
            show(f"{name} {batch} x {units * heads}", times[0], {"steps": times[1]})


def many_units(shapes: list[tuple[int, int]]) -> Iterator[None]:
    """Shapes beside eager PyTorch, and LSTM and GRU beside cuDNN, in float32."""
    print(
        "\nfloat32, T = 256: the chosen schedule, others as multiples; wanted at 16 x 512: eager 10x or more",
        flush=True,
    )
    for batch, units in shapes:
        values = torch.randn(STEPS_OF_CALL, batch, units, device="cuda", requires_grad=True)
        for name, cell in TIMED.items():
            yield
            layer = gatewise.Recurrent(cell, units, units, device="cuda")
            theirs = {"eager": both_times(on("reference", layer), layer, values)}
            if (batch, units) == (16, 512):
                run = compiled_steps(cell, layer, units)
                theirs["compiled step"] = (median(lambda: run(values)),)  # noqa: B023
            show(f"{name} {batch} x {units}", both_times(on("triton", layer), layer, values), theirs)
        for cell, theirs_class in ((LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)):
            yield
            layer = gatewise.Recurrent(cell, units, units, device="cuda")
            other = theirs_class(units, units, device="cuda")
            times = both_times(lambda given: other(given)[0], other, values)  # noqa: B023
            ours = both_times(on("triton", layer), layer, values)
            show(f"{cell.__name__} {batch} x {units}", ours, {"cuDNN": times})


def lengths_and_resets() -> Iterator[None]:
    """The cost of sequences of different lengths, and of resets."""
    print(
        "\nfloat32, T = 256: without lengths and resets, with them as multiples; wanted: 1.1x or less",
        flush=True,
    )
    for batch, units in ((64, 64), (64, 512)):
        yield
        layer = gatewise.Recurrent(TIMED["PeepholeLSTM"], units, units, device="cuda")
        values = torch.randn(STEPS_OF_CALL, batch, units, device="cuda", requires_grad=True)
        options = {
            "lengths": torch.randint(1, STEPS_OF_CALL + 1, (batch,), device="cuda"),
            "resets": torch.rand(STEPS_OF_CALL, batch, device="cuda") < 0.02,
        }
        run, theirs = on("triton", layer), {}
        plain = both_times(run, layer, values)
        for name, value in options.items():
            given = {name: value}
            theirs[f"with {name}"] = both_times(lambda rows: run(rows, **given), layer, values)  # noqa: B023
        show(f"PeepholeLSTM {batch} x {units}", plain, theirs)


def long_sequences() -> Iterator[None]:
    """Affine recurrences along long sequences: chunks at the same time beside steps one after another."""
    print(
        f"\nfloat32, T = {LONG}: chunked scans, and one launch as a multiple; wanted: 3x or more", flush=True
    )
    for name in ("MinGRU", "MinLSTM", "RGLRU", "QRNN"):
        for batch in (1, 16):
            yield
            layer = gatewise.Recurrent(cells()[name], 256, 256, device="cuda")
            values = torch.randn(LONG, batch, 256, device="cuda", requires_grad=True)
            times = []
            for one in (SCAN, ONE_LAUNCH):
                with schedules(one):
                    times.append(both_times(on("triton", layer), layer, values))
            show(f"{name} {batch} x 256", times[0], {"one launch": times[1]})


def memories_and_lattices() -> Iterator[None]:
    """Matrix memories, and lattices of two axes, beside eager PyTorch."""
    print(
        "\nfloat32: matrix memories of 4 heads, T = 256, and a lattice of 32 x 32; eager as a multiple",
        flush=True,
    )
    for name in ("MLSTM", "HGRN2"):
        yield
        layer = gatewise.Recurrent(cells()[name], 256, 256, heads=4, device="cuda")
        values = torch.randn(STEPS_OF_CALL, 16, 256, device="cuda", requires_grad=True)
        theirs = {"eager": both_times(on("reference", layer), layer, values)}
        show(f"{name} 16 x 256", both_times(on("memory", layer), layer, values), theirs)
    yield
    lattice = gatewise.Lattice(mdlstm(2), 64, 64, device="cuda")
    values = torch.randn(16, 32, 32, 64, device="cuda", requires_grad=True)
    theirs = {"eager": both_times(on("reference", lattice), lattice, values)}
    show("MDLSTM 16 x 64", both_times(on("triton", lattice), lattice, values), theirs)


def other_libraries() -> Iterator[None]:
    """TorchRL's LSTM and GRU, and FlashRNN's kernels of Triton, where they are installed."""
    print("\nT = 256: the schedule that is chosen, and other libraries as multiples", flush=True)
    for name, kind, make, cases in gpu_others.COMPARISONS:
        yield
        try:
            for cell, batch, units, heads in cases:
                run, tensors = make(cell, batch, units, heads)
                layer = gatewise.Recurrent(cells()[cell], units, units, heads=heads, device="cuda")
                values = torch.randn(STEPS_OF_CALL, batch, units, device="cuda", requires_grad=True)
                with precision(kind, "cuda"):
                    theirs = {name: both_times(run, tensors, values)}
                    ours = both_times(on("triton", layer), layer, values)
                show(f"{cell} {batch} x {units}, {heads} heads, {kind}", ours, theirs)
        except Exception as error:  # of another library, which ends its own comparison only
            reason = (str(error).splitlines() or [""])[0]
            print(f"not compared: {name}: {type(error).__name__}: {reason}", flush=True)


def checks(device: str, backend: Triton, batch: int, steps: int, many: int, few: int) -> bool:
    """Whether all schedules are right, each with the number of units that it is for."""
    right = True
    for units, allowed in ((many, (STEPS, ONE_LAUNCH)), (few, (RESIDENT, SCAN))):
        names = ", ".join(one.name for one in allowed)
        print(f"\n{names}: {batch} x {units}, T = {steps}", flush=True)
        with schedules(*allowed):
            right = check(device, backend, batch, units, steps) and right
    return check_lattices(device, backend, batch, few, size=steps // 2) and right


def main() -> int:
    torch.manual_seed(0)
    print(f"gatewise {gatewise.__version__}, PyTorch {torch.__version__}")
    if not torch.cuda.is_available():
        print("there is no GPU: nothing is measured")
        if os.environ.get("TRITON_INTERPRET") != "1":
            return 0
        return 0 if checks("cpu", Triton("cpu"), batch=3, steps=5, many=16, few=16) else 1
    print(torch.cuda.get_device_name())
    if not checks("cuda", Triton(), batch=37, steps=70, many=200, few=48):
        print("wrong results are not timed")
        return 1
    for _ in chain(
        many_units(SHAPES[:1]), few_units(), long_sequences(), lengths_and_resets(), memories_and_lattices(),
        other_libraries(), many_units(SHAPES[1:]),
    ):  # fmt: skip
        if time.monotonic() - begin > BUDGET:
            print("not measured: the time is over")
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
