"""`gatewise doctor`: facts of this machine, and which backend runs which request on it."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

from gatewise import __version__
from gatewise.cells import LSTM, find_cell
from gatewise.cells import cells as built_in
from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout, projection_obstacle
from gatewise.compiler.stages import plan
from gatewise.engine import build, processor
from gatewise.engine.cache import cache
from gatewise.engine.choice import refusals
from gatewise.engine.compiling import LIBRARY, OBJECT, BuildError, compiler
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError
from gatewise.layers.recurrent import Recurrent
from gatewise.terminal import Terminal

STEPS, BATCH, INPUTS, HIDDEN, PROJECTED = 3, 2, 4, 8, 4
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sse2": "SSE2", "asimd": "NEON"}  # the widest first
BFLOAT16 = {"avx512_bf16", "bf16"}
MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
MALLOC_HINT = (
    "returns large blocks to the system after every step; if PyTorch's own operators are slow, try "
    "MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824"
)
CELL = Annotated[
    str | None,
    typer.Option(help="One cell, not all: a name, or FILE.py:Name, a file that is executed."),
]
DEVICE = Annotated[
    str | None, typer.Option(help="The device of the tensors (the GPU if there is one).", metavar="cpu|cuda")
]
Refusals = dict[str, str | None]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("doctor", help=about)(examine)


def examine(cell: CELL = None, device: DEVICE = None) -> None:
    """Describe this machine, and show which backend runs which cell and which request."""
    device = _chosen_device(device)
    shown = list(built_in().values()) if cell is None else [find_cell(cell)]
    subject = LSTM if cell is None else shown[0]
    console = Terminal()
    console.print(_table((), _machine().items()))
    with _without_warnings(), console.status("compiling missing kernels ..."):
        by_cell = {one.__name__: refusals(_request(one, device)) for one in shown}
        by_feature = _by_feature(subject, device)
    for what, answers in (("cell", by_cell), (f"{subject.__name__} layer with", by_feature)):
        rows = [(name, *_backend(answer)) for name, answer in answers.items()]
        console.print()
        console.print(_table((what, f"backend on {device}", "why no backend before it"), rows))


def _chosen_device(device: str | None) -> str:
    available = torch.cuda.is_available()
    if device not in (None, "cpu", "cuda"):
        raise GatewiseError(f"expected --device as cpu or cuda, got {device!r}")
    if device == "cuda" and not available:
        raise GatewiseError("--device cuda was given, and PyTorch finds no GPU; leave it out")
    return device or ("cuda" if available else "cpu")


def _table(header: tuple[str, ...], rows: Any) -> Table:
    table = Table(*header, box=None, header_style="bold", padding=(0, 2, 0, 0), show_header=bool(header))
    for row in rows:
        table.add_row(*row)
    return table


def _backend(answers: Refusals) -> tuple[str, str]:
    """The backend that runs a request, and the reasons of the backends before it."""
    name = next(one for one, refusal in answers.items() if refusal is None)
    before = list(answers)[: list(answers).index(name)]
    return name, "\n".join(f"{one}: {answers[one]}" for one in before)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppresses the engine's warnings: the tables have the same reasons."""
    log = logging.getLogger("gatewise")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _request(cell: CellType, device: str, **options: Any) -> Request:
    """The request of a small layer of the cell."""
    if cell.of_lattice:
        return _over_lattice(cell, device)
    layer = Recurrent(cell, INPUTS, HIDDEN, device=device, **options)
    parameters = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    if layer.proj_size:
        parameters["projection"] = parameters.pop("weight_hr")
    inputs = next(iter(parameters.values())).new_zeros(STEPS, BATCH, INPUTS)
    state = {name: inputs.new_zeros(BATCH, HIDDEN) for name in cell.state}
    if layer.proj_size:
        state[cell.state[0]] = inputs.new_zeros(BATCH, layer.proj_size)
    return Request(cell, inputs, parameters, state)


def _over_lattice(cell: CellType, device: str, dtype: torch.dtype | None = None) -> Request:
    """The request of a small layer of a lattice cell."""
    zeros = partial(torch.zeros, device=device, dtype=dtype)
    parameters = {one.name: zeros(one.shape(INPUTS, HIDDEN, HIDDEN)) for one in layout(cell).parameters}
    state = {name: zeros(*[STEPS] * (cell.axes - 1), BATCH, HIDDEN) for name in cell.previous}
    return Request(cell, zeros(*[STEPS] * cell.axes, BATCH, INPUTS), parameters, state)


def _by_feature(cell: CellType, device: str) -> dict[str, Refusals]:
    """The refusals of a layer with one additional feature, by the feature."""
    plain = _request(cell, device)
    requests = (_lattice_features if cell.of_lattice else _sequence_features)(cell, plain, device)
    answers = {name: refusals(request) for name, request in requests.items()}
    with torch.no_grad():
        answers["trace, no gradient"] = refusals(requests["trace"])
    with torch.autocast(device, torch.bfloat16):
        answers["bfloat16 autocast"] = refusals(plain)
    return answers


def _lattice_features(cell: CellType, plain: Request, device: str) -> dict[str, Request]:
    sizes = torch.ones(BATCH, cell.axes, dtype=torch.int64, device=device)
    return {
        "no feature": plain,
        "own sizes": replace(plain, lengths=sizes if cell.axes > 1 else sizes[:, 0]),
        "reversed axes": replace(plain, reverse=(True,) * cell.axes),
        "float64": _over_lattice(cell, device, torch.float64),
        "trace": replace(plain, trace=True),
    }


def _sequence_features(cell: CellType, plain: Request, device: str) -> dict[str, Request]:
    hidden = plain.state[cell.state[0]]
    steps = torch.zeros(STEPS, BATCH, dtype=torch.bool, device=device)
    requests = {
        "no feature": plain,
        "lengths": replace(plain, lengths=torch.tensor([STEPS, 0], device=device)),
        "resets": replace(plain, resets=steps),
        "zoneout": replace(plain, zoneout={cell.state[0]: hidden.expand(STEPS, -1, -1)}),
        "variational dropout": replace(plain, hidden_mask=torch.ones_like(hidden)),
        "float64": _request(cell, device, dtype=torch.float64),
        "trace": replace(plain, trace=True),
    }
    if projection_obstacle(cell) is None:
        requests["projection"] = _request(cell, device, proj_size=PROJECTED)
    return requests


def _machine() -> dict[str, str]:
    """Facts of the machine, by their names."""
    facts = {
        "gatewise": f"{__version__}, Python {platform.python_version()}, PyTorch {torch.__version__}",
        "processor": processor.name(),
        "instructions": _instructions(processor.features()),
        "threads": _threads(),
        "compiler": _compiler(),
        "GPU": _gpu(),
        "built-in kernels": _installed(),
        "kernel cache": _cache(),
    }
    if platform.libc_ver()[0] == "glibc" and not any(name.startswith(MALLOC) for name in os.environ):
        facts["malloc"] = MALLOC_HINT
    return facts


def _instructions(flags: Set[str]) -> str:
    vectors = next((name for flag, name in VECTORS.items() if flag in flags), None)
    if vectors is None:
        return f"those of {platform.machine()}"
    return f"{vectors}, {'with' if flags & BFLOAT16 else 'without'} bfloat16 products"


def _threads() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    usage = f"PyTorch uses {threads}, on {usable} of the machine's {os.cpu_count()} logical cores"
    return f"{usage}; set OMP_NUM_THREADS={usable}: more threads only wait" if threads > usable else usage


def _compiler() -> str:
    """The compiler that a kernel would be built with, and its version."""
    try:
        found = compiler()
    except BuildError as error:
        return f"none: {error}"
    return f"{found}: {next(iter(found.version.splitlines()), 'of unknown version')}"


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none that PyTorch finds"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"{', '.join(names)}; cuDNN {torch.backends.cudnn.version()}"


def _installed() -> str:
    """The number of cells that were compiled at installation for this processor."""
    best = processor.instruction_set()
    cells = build.installed_cells()
    compiled = sum(build.installed(plan(one), "float") for one in cells)
    if best is None or not compiled:
        return "none: each cell is compiled at its first use"
    return f"{compiled} of {len(cells)} cells, for {best.name}"


def _cache() -> str:
    """The folder of the compiled kernels, and their state."""
    found = cache()
    if found.libraries is None:
        return f"not used, so each process compiles its own kernels: {found.obstacle}"
    libraries = found.libraries
    files = [*libraries.every(LIBRARY), *libraries.every(OBJECT)]
    kernels = sum(one.path.suffix == LIBRARY for one in files)
    size = sum(one.path.lstat().st_size for one in files)
    damaged = sum(not libraries.undamaged(one) for one in files)
    state = "" if os.access(libraries.folder, os.W_OK) else "; new ones can't be written"
    state += f"; {damaged} damaged, compiled again at their next use" if damaged else ""
    return f"{libraries.folder}: {kernels} kernels, {size / 1e6:.1f} MB{state}"
