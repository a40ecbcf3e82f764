"""A run's folder: what it was started with, so that it can go on and be used later."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import find_cell
from gatewise.cells.exchange import from_data, to_data
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.training.options import Contender, Contenders, TaskOptions, resolve, to_yaml, verb_options
from gatewise.training.task import Task

GRADIENT = "gradient.csv"  # in the folder of a training that followed its gradient


@dataclass(frozen=True)
class Run:
    """A folder with `config.yaml` (the options) and `run.json` (verb, task, data, the cells' equations)."""

    verb: str
    task: Task[Any]
    folder: Path
    data: Path
    options: TaskOptions
    cells: dict[str, CellType]


def gradients(run: Run) -> dict[str, Path]:
    """The files of those who followed the gradient, by the cells' names: of the first training of each."""
    homes = {name: run.folder if run.verb == "train" else training(run, name, 0) for name in run.cells}
    return {name: home / GRADIENT for name, home in homes.items() if (home / GRADIENT).is_file()}


def training(run: Run, name: str, seed: int) -> Path:
    """The folder of one of several trainings."""
    return run.folder / "trainings" / f"{name}-{seed}"


def begin(verb: str, task: Task[Any], data: Path, options: TaskOptions, folder: Path | None) -> Run:
    """A new run; nothing is written before `write`.

    Errors: `GatewiseError` where the folder holds something already, a cell is unknown or does not fit the
    network, or an option is of another network.
    """
    if isinstance(options, Contenders) and not options.cells:
        options = options.model_copy(update={"cells": task.cells(options)})
    assert isinstance(options, Contender | Contenders)
    cells: dict[str, CellType] = {}
    for name in options.contenders:
        cell = find_cell(name)
        task.check(options, cell)
        short = task.contender(options, name.lower() if ":" not in name else cell.__name__)
        if short in cells:
            raise GatewiseError(f"two of the cells are called {short!r}; name each once")
        cells[short] = cell
    folder = folder or _free_folder(f"{verb}-{data.stem}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GatewiseError(
            f"{str(folder)!r} holds something already; give another --out, or go on with --resume {folder}"
        )
    return Run(verb, task, folder, data, options, cells)


def write(run: Run) -> None:
    """Makes the run's folder, with all that is needed to go on with it."""
    description = {
        "verb": run.verb,
        "task": run.task.name,
        "data": str(run.data.resolve()),
        "sha256": fingerprint(run.data),
        "cells": {name: to_data(cell) for name, cell in run.cells.items()},
    }
    write_whole(run.folder / "config.yaml", lambda path: path.write_text(to_yaml(run.options)))
    write_whole(run.folder / "run.json", lambda path: path.write_text(json.dumps(description, indent=1)))


def discard(run: Run) -> None:
    """Takes back what `write` wrote, where nothing was trained; the folder can be used again."""
    if not any(run.folder.rglob("*.ckpt")):
        for name in ("config.yaml", "run.json"):
            (run.folder / name).unlink(missing_ok=True)
        if not any(run.folder.iterdir()):
            run.folder.rmdir()


def resume(verb: str, task: Task[Any], folder: Path) -> Run:
    """The run of a folder, to go on with. Its cells come from their equations, not from a file.

    Errors: `GatewiseError` where the folder holds no such run, or the data changed since.
    """
    try:
        description = json.loads((folder / "run.json").read_text())
        data, told = Path(description["data"]), description["sha256"]
        then = (description["verb"], description["task"])
        cells = {name: from_data(cell) for name, cell in description["cells"].items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise GatewiseError(f"{str(folder)!r} holds no run to go on with ({error})") from error
    if then != (verb, task.name):
        raise GatewiseError(
            f"{str(folder)!r} holds a run of '{' '.join(then)}'; go on with gatewise {' '.join(then)}"
        )
    if not data.exists() or fingerprint(data) != told:
        raise GatewiseError(f"the data of the run, {data}, is gone or changed since; start a new run")
    options = resolve(verb_options(verb, task.options), folder / "config.yaml", {})
    return Run(verb, task, folder, data, options, cells)


def fingerprint(data: Path) -> str:
    """Tells data from others: a file by its bytes, a folder by the names and sizes of its files.

    Errors: `GatewiseError` where there is neither.
    """
    if data.is_file():
        with data.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not data.is_dir():
        raise GatewiseError(f"there is no file {str(data)!r}")
    files = sorted(one for one in data.rglob("*") if one.is_file())
    told = "\n".join(f"{one.relative_to(data)} {one.stat().st_size}" for one in files)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def _free_folder(stem: str) -> Path:
    number = 1
    while (folder := Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return folder
