"""`gatewise explain`: a walk through a cell with numbers, and experiments on gradients and memory."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from gatewise.cells import find_cell
from gatewise.cells.base import CellType
from gatewise.cli.experiments import console, memory, vanishing
from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import MARK, require_output
from gatewise.insight.problems.toy import TOY_PROBLEMS
from gatewise.insight.walk import PHASES, WalkStep, walk

EXPERIMENTS: dict[str, dict[str, Any]] = {  # the options of each, with their defaults
    "vanishing": {
        "cells": "rnn,lstm,gru", "problem": "order", "lags": "10,20,40,80,160", "steps": 2500, "out": None,
    },
    "memory": {
        "cells": "rnn,lstm,gru,peephole", "items": "1,2,4,8", "lags": "5,20,80,320", "steps": 800,
        "units": 32, "out": None,
    },
}  # fmt: skip


def _option(name: str, about: str, **options: Any) -> Any:
    """An option of experiments, with the default of each in its help."""
    defaults = {one: own[name] for one, own in EXPERIMENTS.items() if name in own}
    shown = {one: default or f"{one}.png" for one, default in defaults.items()}
    if len(shown) == 1:
        shown = {"default": next(iter(shown.values()))}
    described = "; ".join(f"{one}: {default}" for one, default in shown.items())
    panel = f"Options of {' and '.join(defaults)}"
    return typer.Option(help=f"{about} \\[{described}]", rich_help_panel=panel, **options)


NAME = Annotated[
    str,
    typer.Argument(
        help=f"A cell's name, FILE.py:Name (a file that is executed), or: {', '.join(EXPERIMENTS)}."
    ),
]
CELLS = Annotated[str | None, _option("cells", "The cells to train, separated by commas.")]
LAGS = Annotated[str | None, _option("lags", "The lags in steps, separated by commas.")]
STEPS = Annotated[int | None, _option("steps", "The maximum number of batches to train on.", min=1)]
OUT = Annotated[Path | None, _option("out", "The .png file to write.")]
PROBLEM = Annotated[
    str | None, _option("problem", "The toy problem to learn.", metavar="|".join(TOY_PROBLEMS))
]
ITEMS = Annotated[str | None, _option("items", "The numbers of items to recall, separated by commas.")]
UNITS = Annotated[int | None, _option("units", "The hidden units of a layer.", min=1)]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("explain", help=about)(explain)


def explain(
    name: NAME,
    cells: CELLS = None,
    lags: LAGS = None,
    steps: STEPS = None,
    out: OUT = None,
    problem: PROBLEM = None,
    items: ITEMS = None,
    units: UNITS = None,
) -> None:
    """Walk through one step of a cell, or train cells on problems with an increasing lag."""
    options = {
        "cells": cells, "lags": lags, "steps": steps, "out": out, "problem": problem, "items": items,
        "units": units,
    }  # fmt: skip
    given = {option: value for option, value in options.items() if value is not None}
    _require_known(name, given)
    if name not in EXPERIMENTS:
        _walk(find_cell(name))
        return
    chosen = EXPERIMENTS[name] | given
    chosen["out"] = _picture(name, out)
    found = [_of_sequences(find_cell(one.strip()), name) for one in chosen["cells"].split(",")]
    chosen["cells"] = list(dict.fromkeys(found))
    chosen["lags"] = _numbers("lags", chosen["lags"], 2, "at least 2 steps")
    if name == "vanishing":
        vanishing(**chosen)
    else:
        memory(**chosen | {"items": _numbers("items", chosen["items"], 1, "at least 1 item")})


def _require_known(name: str, given: dict[str, Any]) -> None:
    """Raises: `GatewiseError` if the experiment or cell has not all of the options."""
    unknown = [option for option in given if option not in EXPERIMENTS.get(name, {})]
    if unknown:
        owners = [one for one, own in EXPERIMENTS.items() if any(option in own for option in unknown)]
        raise GatewiseError(
            f"only gatewise explain {' and '.join(owners)} {'have' if len(owners) > 1 else 'has'} "
            f"{', '.join(f'--{option}' for option in unknown)}; got {name!r}"
        )


def _picture(name: str, out: Path | None) -> Path:
    """The file of the figure. Raises: `GatewiseError` if it may not be written."""
    picture = out or Path(f"{name}.png")
    if picture.suffix != ".png":
        raise GatewiseError(f"expected --out as a .png, got {str(out)!r}")
    require_output(picture, "a .png", None if out else MARK)
    return picture


def _of_sequences(cell: CellType, name: str) -> CellType:
    """The cell itself. Raises: `GatewiseError` if it runs over a lattice."""
    if not cell.of_sequences:
        raise GatewiseError(f"{cell.__name__} runs over a lattice; {name} needs a cell of sequences")
    return cell


def _numbers(option: str, text: str, least: int, bound: str) -> list[int]:
    """Increasing numbers. Raises: `GatewiseError` if they are not whole numbers, or too small."""
    try:
        found = sorted({int(one) for one in text.split(",")})
    except ValueError as error:
        raise GatewiseError(
            f"expected --{option} as whole numbers separated by commas, got {text!r}"
        ) from error
    if found[0] < least:
        raise GatewiseError(f"expected --{option} of {bound}, got {found[0]}")
    return found


def _walk(cell: CellType) -> None:
    """Prints the purpose of each line, and its value in a tiny example."""
    found = walk(cell)
    console.print(f"{cell.__name__}: {cell.about}", soft_wrap=True)
    before = ", ".join(f"{one} = {value:.2f}" for one, value in found.before.items())
    console.print(
        f"Step {found.step} of a layer of two units, of which the first is shown: x = {found.input:.2f}; "
        f"states before: {before}.\nW_k x and R_k v are products with weights, and each adds a bias.",
        soft_wrap=True,
    )
    for phase, steps_of_phase in groupby(found.steps, key=lambda step: step.phase):
        console.print()
        console.print(Text(f"{phase}: {PHASES[phase]}", style="bold"))
        for step in steps_of_phase:
            _show(step)
    console.print(f"\nsource: {cell.source}")


def _show(step: WalkStep) -> None:
    indent = " " * (4 + len(step.name))
    console.print()
    console.print(f"    {step.name} = {step.equation}", soft_wrap=True)
    console.print(f"{indent} = {step.substituted}", style="cyan", soft_wrap=True)
    console.print(f"{indent} = {step.value:.2f}", style="bold cyan")
    notes = ". ".join(one for one in (step.comment, step.other_names and f"Also: {step.other_names}") if one)
    if notes:
        console.print(f"    {notes}", style="dim", soft_wrap=True)
