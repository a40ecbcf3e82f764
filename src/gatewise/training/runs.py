"""A run's folder: what it was started with, so that it can go on and be used later."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import find_cell
from gatewise.cells.exchange import from_data, to_data
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.networks.forecast import require_fit
from gatewise.training.options import CompareOptions, ForecastOptions, TrainOptions, resolve, to_yaml

VERBS: dict[str, type[ForecastOptions]] = {"train": TrainOptions, "compare": CompareOptions}


@dataclass(frozen=True)
class Run:
    """A folder with `config.yaml` (the options) and `run.json` (verb, data, the cells' equations)."""

    verb: str
    folder: Path
    data: Path
    options: ForecastOptions
    cells: dict[str, CellType]


def begin(verb: str, data: Path, options: ForecastOptions, folder: Path | None) -> Run:
    """A new run; nothing is written before `write`.

    Errors: `GatewiseError` where the folder holds something already, a cell is unknown or does not fit the
    network, or an option is of another network.
    """
    _check_network(options)
    cells: dict[str, CellType] = {}
    for name in options.contenders:
        cell = find_cell(name)
        require_fit(cell, options.network)
        short = name.lower() if ":" not in name else cell.__name__
        short = f"grid-{short}" if options.network == "grid" else short
        if short in cells:
            raise GatewiseError(f"two of the cells are called {short!r}; name each once")
        cells[short] = cell
    folder = folder or _free_folder(f"{verb}-{data.stem}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GatewiseError(
            f"{str(folder)!r} holds something already; give another --out, or go on with --resume {folder}"
        )
    return Run(verb, folder, data, options, cells)


def write(run: Run) -> None:
    """Makes the run's folder, with all that is needed to go on with it."""
    description = {
        "verb": run.verb,
        "data": str(run.data.resolve()),
        "sha256": _fingerprint(run.data),
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


def resume(verb: str, folder: Path) -> Run:
    """The run of a folder, to go on with. Its cells come from their equations, not from a file.

    Errors: `GatewiseError` where the folder holds no such run, or the data changed since.
    """
    try:
        description = json.loads((folder / "run.json").read_text())
        data, told, verb_then = Path(description["data"]), description["sha256"], description["verb"]
        cells = {name: from_data(cell) for name, cell in description["cells"].items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise GatewiseError(f"{str(folder)!r} holds no run to go on with ({error})") from error
    if verb_then != verb:
        raise GatewiseError(f"{str(folder)!r} holds a run of {verb_then!r}; go on with gatewise {verb_then}")
    if not data.is_file() or _fingerprint(data) != told:
        raise GatewiseError(f"the data of the run, {data}, is gone or changed since; start a new run")
    return Run(verb, folder, data, resolve(VERBS[verb], folder / "config.yaml", {}), cells)


def _check_network(options: ForecastOptions) -> None:
    if options.network == "grid" and options.dropout:
        raise GatewiseError(
            f"dropout={options.dropout:g} acts between the layers of a stack; a grid has none"
        )
    if options.network == "stack" and options.depth_weights == "untied":
        raise GatewiseError("every layer of a stack has its own weights; leave --depth-weights to a grid")


def _fingerprint(data: Path) -> str:
    if not data.is_file():
        raise GatewiseError(f"there is no file {str(data)!r}; give a CSV or a Parquet file")
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free_folder(stem: str) -> Path:
    number = 1
    while (folder := Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return folder
