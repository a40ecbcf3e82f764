"""A model for use: `model.safetensors` holds its numbers, `model.json` all that rebuilds it.

Neither can execute anything: a cell travels as its equations.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gatewise.cells.base import CellType
from gatewise.cells.exchange import from_data, to_data
from gatewise.data.columns import FoundColumns
from gatewise.data.forecasting import Learned, Plan
from gatewise.data.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.networks.baselines import Naive, Ridge, SeasonalNaive, WindowMLP
from gatewise.networks.forecast import ForecastNetwork, GridForecastNetwork
from gatewise.networks.forecaster import Forecaster, ForecastShape

FORMAT = 1
KINDS: dict[str, type[Forecaster]] = {
    kind.__name__: kind
    for kind in (ForecastNetwork, GridForecastNetwork, WindowMLP, Ridge, Naive, SeasonalNaive)
}


@dataclass(frozen=True)
class SavedModel:
    """A forecaster by its name, with what it needs to read data as it did in training."""

    name: str
    network: Forecaster
    plan: Plan
    learned: Learned
    columns: FoundColumns
    step: str
    fill: str | None = None
    time_format: str | None = None


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
        "task": "forecast",
        "name": model.name,
        "kind": type(model.network).__name__,
        "options": options,
        "plan": asdict(model.plan),
        "learned": asdict(model.learned),
        "columns": asdict(model.columns),
        "step": model.step,
        "fill": model.fill,
        "time_format": model.time_format,
    }
    write_whole(folder / "model.safetensors", lambda path: save_file(state, path))
    write_whole(folder / "model.json", lambda path: path.write_text(json.dumps(description, indent=1)))


def load_model(folder: str | Path) -> SavedModel:
    """Reads what `save_model` wrote; nothing in the files is executed.

    Errors: `GatewiseError` where a file is missing, broken, or of a later format.
    """
    folder = Path(folder)
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise GatewiseError(f"there is no {name} in {str(folder)!r}; give the folder of a finished run")
    try:
        described = json.loads((folder / "model.json").read_text())
        if described["format"] > FORMAT:
            raise GatewiseError(f"{folder}/model.json is of a later gatewise; upgrade to read it")
        network = KINDS[described["kind"]](**_options(described["options"]))
        network.load_state_dict(load_file(folder / "model.safetensors"))
        return SavedModel(
            str(described["name"]),
            network.eval(),
            Plan(**described["plan"]),
            _learned(described["learned"]),
            _columns(described["columns"]),
            str(described["step"]),
            described["fill"],
            described["time_format"],
        )
    except GatewiseError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise GatewiseError(f"the model in {str(folder)!r} can't be read: {error}") from error


def _options(data: dict[str, Any]) -> dict[str, Any]:
    options = {**data, "shape": ForecastShape(**data["shape"])}
    return {**options, "cell": from_data(data["cell"])} if "cell" in data else options


def _learned(data: dict[str, Any]) -> Learned:
    return Learned(
        {name: Scale(**scale) for name, scale in data["series"].items()},
        tuple(Scale(**scale) for scale in data["covariates"]),
        tuple(data["cycles"]),
        {str(name): str(time) for name, time in data["seen"].items()},
    )


def _columns(data: dict[str, Any]) -> FoundColumns:
    lists = {role: tuple(data[role]) for role in ("known", "observed")}
    return FoundColumns(**{**data, **lists})
