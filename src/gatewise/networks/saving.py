"""A model for use: `model.safetensors` holds its numbers, `model.json` all that rebuilds it.

Neither can execute anything: a cell travels as its equations.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gatewise import networks
from gatewise.cells.base import CellType
from gatewise.cells.exchange import from_data, to_data
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.networks.network import Network

FORMAT = 2


@dataclass(frozen=True)
class SavedModel:
    """A network by its task and name, with what the task needs to read data as in training.

    reading: plain data, as JSON holds them; the task alone understands them
    """

    task: str
    name: str
    network: Network
    reading: Mapping[str, Any]


def save_model(folder: str | Path, model: SavedModel) -> None:
    """Writes `model.safetensors` and `model.json` into a folder, each whole or not at all."""
    folder = Path(folder)
    state = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    options = {
        name: to_data(value) if isinstance(value, CellType) else value
        for name, value in model.network.options().items()
    }
    description = {
        "format": FORMAT,
        "task": model.task,
        "name": model.name,
        "kind": kind_of(model.network),
        "options": options,
        "reading": dict(model.reading),
    }
    write_whole(folder / "model.safetensors", lambda path: save_file(state, path))
    write_whole(folder / "model.json", lambda path: path.write_text(json.dumps(description, indent=1)))


def load_model(folder: str | Path) -> SavedModel:
    """Reads what `save_model` wrote; nothing in the files is executed.

    Errors: `GatewiseError` where a file is missing, broken, or of another format.
    """
    folder = Path(folder)
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise GatewiseError(f"there is no {name} in {str(folder)!r}; give the folder of a finished run")
    try:
        described = json.loads((folder / "model.json").read_text())
        if described["format"] > FORMAT:
            raise GatewiseError(f"{folder}/model.json is of a later gatewise; upgrade to read it")
        if described["format"] < FORMAT:
            raise GatewiseError(f"{folder}/model.json is of an earlier gatewise; train it again")
        options = described["options"]
        options = {**options, "cell": from_data(options["cell"])} if "cell" in options else options
        network = find_kind(described["kind"]).rebuilt(options)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        return SavedModel(
            str(described["task"]), str(described["name"]), network.eval(), dict(described["reading"])
        )
    except GatewiseError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise GatewiseError(f"the model in {str(folder)!r} can't be read: {error}") from error


def kind_of(network: Network) -> str:
    """The class of a network by its room, as in `forecast.ForecastNetwork`: files may move within a room."""
    room = type(network).__module__.removeprefix(f"{networks.__name__}.").partition(".")[0]
    return f"{room}.{type(network).__name__}"


def find_kind(kind: str) -> type[Network]:
    """The class that `kind_of` named; no module but those of the networks is ever looked at.

    Errors: `ValueError` where there is none.
    """
    room, _, name = kind.partition(".")
    if room in {one.name for one in pkgutil.iter_modules(networks.__path__) if one.ispkg}:
        folder = import_module(f"{networks.__name__}.{room}")
        for one in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
            found = getattr(import_module(one.name), name, None)
            if isinstance(found, type) and issubclass(found, Network):
                return found
    raise ValueError(f"there is no kind of network {kind!r}")
