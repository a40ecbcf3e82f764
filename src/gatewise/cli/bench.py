"""`gatewise bench`: the speed of the layers on this machine, beside other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status
from rich.table import Table

from gatewise.benchmark import malloc
from gatewise.benchmark.bench import Bench
from gatewise.benchmark.machine import Machine, measured
from gatewise.benchmark.plan import BenchmarkPlan, plan, use_threads
from gatewise.benchmark.results import BEST, TORCH, Row, summary
from gatewise.benchmark.roofline import draw_roofline
from gatewise.benchmark.workload import ONE_STEP
from gatewise.estimators.outputs import MARK, require_output
from gatewise.plots.saving import save_picture
from gatewise.terminal import Terminal

CELLS = Annotated[
    str | None,
    typer.Option(help="Cells, separated by commas: names, or FILE.py:Name, a file that is executed."),
]
SHAPES = Annotated[
    str | None,
    typer.Option(help="BATCHxSTEPSxINPUTSxHIDDEN or BATCHxL1xL2xINPUTSxHIDDEN, separated by commas."),
]
WORKLOADS = Annotated[
    str | None,
    typer.Option(
        help="Separated by commas: all-steps (a loss at every step), last-step (at the last one only), zeros "
        "(memories that decay), one-step (all of these)."
    ),
]
QUICK = Annotated[
    bool,
    typer.Option(
        "--quick", help="Five to ten minutes on two cores: a few shapes, three repeats, no slow libraries."
    ),
]
REPEATS = Annotated[int | None, typer.Option(help="Number of measurements of each candidate (9).")]
AGAINST = Annotated[
    str | None, typer.Option(help="Libraries to compare with, separated by commas (all that are installed).")
]
THREADS = Annotated[int | None, typer.Option(help="Threads to use (all processors).")]
DTYPE = Annotated[str, typer.Option(help="float32, bfloat16 (by autocast) or int8 (weights, in inference).")]
MALLOC = Annotated[
    str,
    typer.Option(
        "--malloc",
        help="The C library's allocator: default, keep (it frees nothing), or both.",
    ),
]
OUT = Annotated[
    Path | None,
    typer.Option(
        help="The folder for results, with one for each processor: speed.csv, machine.json, roofline.png."
    ),
]

FILES = {"speed.csv": b"malloc,dtype,cell,", "machine.json": b'"processor"', "roofline.png": MARK}

console = Terminal(soft_wrap=True)
SUMMARY_WIDTH = 150  # columns of text that show every competitor; in a narrower terminal lines wrap
WIDTHS = {"pass": 9, "library": 18, "ms": 10, "GFLOP/s": 8, "peak": 5, "ratio": 8, "saved MB": 8}


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("bench", help=about)(bench)


def bench(
    cells: CELLS = None,
    shapes: SHAPES = None,
    workloads: WORKLOADS = None,
    quick: QUICK = False,
    repeats: REPEATS = None,
    against: AGAINST = None,
    threads: THREADS = None,
    dtype: DTYPE = "float32",
    malloc_: MALLOC = "default",
    out: OUT = None,
) -> None:
    """Measure the speed of cells beside other libraries, in turns; only correct results are shown."""
    asked = plan(cells, shapes, workloads, against, repeats, dtype, quick, out)
    if asked.out is not None:
        for name, mark in FILES.items():
            require_output(asked.out / name, "a folder", mark)
    others = malloc.other_settings(malloc_)
    given = {
        "cells": cells,
        "shapes": shapes,
        "workloads": workloads,
        "repeats": repeats,
        "against": against,
        "threads": threads,
        "dtype": dtype,
        "out": out,
    }
    repeated = [f"--{name}={value}" for name, value in given.items() if value is not None]
    failed = False
    if malloc_ in ("both", malloc.current()):
        use_threads(threads)
        failed = not _measure(asked)
    for setting in others:
        arguments = ["bench", *repeated, *["--quick"] * quick, f"--malloc={setting}"]
        failed |= malloc.run_with(setting, arguments) != 0
    if failed:
        raise typer.Exit(1)


def _measure(asked: BenchmarkPlan) -> bool:
    """Runs a plan and prints the results. Returns: whether all results of gatewise are correct."""
    with console.status("measuring the machine") as status:
        machine = measured()
        console.print(_described(machine))
        run = Bench(asked, machine, TerminalProgress(status))
        run.run()
        if asked.out is not None:
            status.update("drawing")
            save_picture(draw_roofline(run.rows, run.machine, asked.cases), asked.out / "roofline.png")
    console.width = max(console.width, SUMMARY_WIDTH)
    for table in (_steps(run.rows), _summary(run.rows)):
        if table.row_count:
            console.print("", table)
    if asked.out is not None:
        console.print(f"in {asked.out}: speed.csv, machine.json, roofline.png")
    for one in run.wrong:
        console.print(f"a result of gatewise is wrong, so its time is not shown: {one}")
    return not run.wrong


class TerminalProgress:
    """Shows the current measurement, and every row as soon as it is measured."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._headed = False

    def doing(self, activity: str) -> None:
        self._status.update(activity)

    def note(self, text: str) -> None:
        console.print(f"  ({text})")

    def measured(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        table = Table(box=None, show_header=not self._headed, pad_edge=False, padding=(0, 1, 0, 0))
        for name, width in WIDTHS.items():
            table.add_column(name, width=width, justify="left" if name in ("pass", "library") else "right")
        previous = None
        for row in rows:
            table.add_row(row.passes if row.passes != previous else "", *_texts(row))
            previous = row.passes
        self._headed = True
        case = f"{rows[0].cell} {rows[0].shape}, {rows[0].workload}"
        console.print(f"\n{case}, ratio to {rows[0].compared_with or 'none'}")
        console.print(table)


def _texts(row: Row) -> list[str]:
    return [
        row.library,
        f"{row.milliseconds:.4g}",
        f"{row.gflops:.1f}",
        "" if row.peak_fraction is None else f"{row.peak_fraction:.0%}",
        "" if row.ratio is None else f"{row.ratio:.3g}x",
        "" if row.saved_mb is None else f"{row.saved_mb:.1f}",
    ]


def _described(machine: Machine) -> str:
    facts = f"{machine.processor}, {machine.threads} threads, malloc: {malloc.current()}"
    if machine.peak is None:
        return f"{facts}; peak {machine.reason}"
    widths = ", ".join(f"{name} {value:.0f}" for name, value in (machine.bandwidths or {}).items())
    return f"{facts}\npeak {machine.peak:.0f} GFLOP/s in float32; GB/s: {widths}"


def _steps(rows: Sequence[Row]) -> Table:
    """The times of one step of one row."""
    times = {(row.cell, row.library): row.milliseconds for row in rows if row.workload == ONE_STEP}
    libraries = list(dict.fromkeys(library for _, library in times))
    table = _table("one step of one row, in microseconds", ["cell"], libraries)
    for cell in dict.fromkeys(cell for cell, _ in times):
        own = [times.get((cell, library)) for library in libraries]
        table.add_row(cell, *("" if one is None else f"{1e3 * one:.1f}" for one in own))
    return table


def _summary(rows: Sequence[Row]) -> Table:
    """The speedup of gatewise over each competitor."""
    found = summary([row for row in rows if row.workload != ONE_STEP])
    competitors = list(dict.fromkeys(name for one in found for name in one.ratios))
    competitors.sort(key=lambda name: name not in (TORCH, BEST))
    title = "speedup of gatewise over ... (geometric mean over the shapes)"
    table = _table(title, ["case"], competitors)
    table.add_column("worst")
    for one in found:
        means = [f"{one.ratios[name]:.2f}x" if name in one.ratios else "" for name in competitors]
        table.add_row(
            f"{one.cell} {one.workload} {one.passes}", *means, f"{one.worst:.2f}x {one.worst_shape}"
        )
    return table


def _table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table with columns of texts, then of numbers."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
