"""`gatewise doctor`: facts of this machine, and which backend runs which request on it."""

from __future__ import annotations

import platform
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

from gatewise import __version__
from gatewise.benchmark.facts import machine_facts
from gatewise.benchmark.gpu_plans import CALLS, gpu_plans
from gatewise.benchmark.refusals import Refusals, cell_refusals, feature_refusals
from gatewise.benchmark.thread_plans import example_plans, measure_rates
from gatewise.cells import LSTM, find_cell
from gatewise.cells import cells as built_in
from gatewise.errors import GatewiseError
from gatewise.terminal import Terminal

PLANS = ("LSTM with (batch, steps, inputs, units)", "us a step by rows", "by units", "plan")
GPU_PLANS = (
    "schedules on a GPU",
    *(f"{batch} x {units}, {kind}" for batch, units, kind in CALLS),
    "why no other",
)
CELL = Annotated[
    str | None,
    typer.Option(help="A single cell: a name, or FILE.py:Name, a file that is executed."),
]
DEVICE = Annotated[
    str | None, typer.Option(help="The device of the tensors (the GPU if there is one).", metavar="cpu|cuda")
]
GPU = Annotated[
    bool,
    typer.Option("--gpu", help="Show by which schedule the kernels of a GPU run cells; this needs no GPU."),
]
MEASURE = Annotated[
    bool,
    typer.Option("--measure", help="Measure the rates of this machine that decide how threads divide calls."),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("doctor", help=about)(examine)


def examine(cell: CELL = None, device: DEVICE = None, gpu: GPU = False, measure: MEASURE = False) -> None:
    """Describe this machine, and show which backend runs which cell and which request."""
    device = _chosen_device(device)
    shown = list(built_in().values()) if cell is None else [find_cell(cell)]
    subject = LSTM if cell is None else shown[0]
    console = Terminal()
    if measure:
        with console.status("measuring the rates of this machine ..."):
            measure_rates()
    versions = f"{__version__}, Python {platform.python_version()}, PyTorch {torch.__version__}"
    console.print(_table((), {"gatewise": versions, **machine_facts()}.items()))
    with console.status("compiling missing kernels ..."):
        by_cell = cell_refusals(shown, device)
        by_feature = feature_refusals(subject, device)
    for what, answers in (("cell", by_cell), (f"{subject.__name__} layer with", by_feature)):
        rows = [(name, *_backend(answer)) for name, answer in answers.items()]
        console.print()
        console.print(_table((what, f"backend on {device}", "why no backend before it"), rows))
    if device == "cpu":
        console.print()
        console.print(_table(PLANS, example_plans()))
    if (gpu or device == "cuda") and (plans := gpu_plans(shown)):
        console.print()
        console.print(_table(GPU_PLANS, plans))


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
